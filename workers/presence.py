"""Says every few seconds that this worker is there, for people who look at the queues."""

import os
import platform
import resource
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path

import structlog

from broker import __version__
from broker.domain.value import replace
from broker.keyspace.client import AWAY, open_sync
from broker.keyspace.presence import Presence, Worker
from broker.settings import Settings
from workers.draining import Draining
from workers.pulse import Rings

log = structlog.get_logger()

EVERY_S = 3.0
SOON_S = 0.5
"""Until the next word of a worker that begins or ceases to drain."""
LATELY = 6
"""So many looks a rate is told of."""
_STATM = Path("/proc/self/statm")


class Roll:
    """Answers the roll on a thread of its own; while Redis is away nobody asks."""

    def __init__(
        self,
        settings: Settings,
        rings: Rings,
        draining: Draining,
        *,
        taken: Callable[[], Mapping[str, float]],
        every_s: float = EVERY_S,
    ) -> None:
        self._settings = settings
        self._counted = taken
        self._lately: deque[tuple[float, Mapping[str, float]]] = deque(maxlen=LATELY)
        self._rings = rings
        self._draining = draining
        self._every_s = every_s
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def begin(self, name: str, queues: Iterable[str]) -> None:
        """Say that a worker is there, now and from now on."""
        worker = Worker(
            name=name,
            host=platform.node(),
            pid=os.getpid(),
            queues=tuple(sorted(queues)),
            threads=self._settings.worker_threads,
            busy=0,
            done=0,
            failed=0,
            memory=0,
            version=__version__,
            started_ms=round(time.time() * 1000),
        )
        self._thread = threading.Thread(target=self._run, args=(worker,), name="roll", daemon=True)
        self._thread.start()

    def end(self) -> None:
        """Say that it leaves."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(self._every_s)

    def _run(self, worker: Worker) -> None:
        with open_sync(self._settings.redis_url, self._settings) as client:
            presence = Presence(client)
            _if_there(presence.forget)
            while not self._stop.is_set():
                busy, done, failed = self._rings.figures()
                now = replace(
                    worker,
                    busy=busy,
                    done=done,
                    failed=failed,
                    memory=memory(),
                    taken=self._taken(),
                    shift=self._draining.shift,
                )
                _if_there(partial(self._say, presence, now))
                self._stop.wait(self._every_s if self._draining.is_settled else SOON_S)
            _if_there(partial(presence.leave, worker.name))

    def _say(self, presence: Presence, now: Worker) -> None:
        """Say how this worker is, and hear what is wished of it; while Redis is away the last wish stands."""
        self._draining.wish(presence.say(now))

    def _taken(self) -> Mapping[str, float]:
        """Return how much a second was taken since the oldest look that is remembered, by queue."""
        now, counts = time.monotonic(), dict(self._counted())
        self._lately.append((now, counts))
        began, before = self._lately[0]
        span_s = now - began or 1.0
        return {queue: (number - before.get(queue, 0)) / span_s for queue, number in counts.items()}


def memory() -> int:
    """Return how much memory this process has, in bytes; at most had, where the system does not tell."""
    with suppress(OSError, ValueError, IndexError):
        return int(_STATM.read_text().split()[1]) * resource.getpagesize()
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _if_there(say: Callable[[], object]) -> None:
    try:
        say()
    except AWAY as error:
        log.debug("redis_away", reason=type(error).__name__)
