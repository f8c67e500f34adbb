"""Which workers there are, in their own words."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import msgspec
import orjson

from broker.domain.shift import Shift
from broker.keyspace import keys, wishes
from broker.keyspace.client import Async, Sync

LIFE_MS = 3600 * 1000
"""How long a worker that fell silent is still shown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Worker:
    """One worker process: what it hears, how busy it is, and when it spoke last (Redis's clock, in ms).

    `taken` is how many ids a second it took lately, by queue; `shift` whether it takes any, as `Shift` has it.
    """

    name: str
    host: str
    pid: int
    queues: tuple[str, ...]
    threads: int
    busy: int
    done: int
    failed: int
    memory: int
    version: str
    started_ms: int
    seen_ms: int = 0
    taken: Mapping[str, float] = field(default_factory=dict)
    shift: str = Shift.WORKING


_decoder = msgspec.json.Decoder(Worker)
"""What a newer version says beside it is left out."""


class Presence:
    """Where a worker says that it is there. For threads."""

    def __init__(self, client: Sync) -> None:
        self._client: Any = client

    def now_ms(self) -> int:
        """Return Redis's clock."""
        seconds, micros = self._client.time()
        return int(seconds * 1000 + micros // 1000)

    def say(self, worker: Worker) -> bool:
        """Note a worker, as seen now, and return whether it should take no work."""
        told = {**asdict(worker), "seen_ms": self.now_ms()}
        with self._client.pipeline(transaction=False) as pipe:
            pipe.hset(keys.workers(), worker.name, orjson.dumps(told))
            pipe.pexpire(keys.workers(), LIFE_MS)
            pipe.hget(keys.drains(), worker.name)
            *_, wish = pipe.execute()
        is_meant = wishes.is_meant(wish, started_ms=worker.started_ms)
        if is_meant:
            self._client.pexpire(keys.drains(), LIFE_MS)
        return is_meant

    def leave(self, name: str) -> None:
        """Forget a worker that ended as it should."""
        self._client.hdel(keys.workers(), name)
        self._client.hdel(keys.drains(), name)

    def forget(self) -> None:
        """Forget the workers that fell silent long ago."""
        old = [
            worker.name for worker in _read(self._client.hgetall(keys.workers()), self.now_ms(), older=True)
        ]
        if old:
            self._client.hdel(keys.workers(), *old)


def heard(client: Sync) -> Mapping[str, float]:
    """Return for how many seconds each queue was not spoken for by any worker that takes work from it. For threads."""
    asking: Any = client
    seconds, micros = asking.time()
    now_ms = int(seconds * 1000 + micros // 1000)
    found: dict[str, float] = {}
    for worker in _read(asking.hgetall(keys.workers()), now_ms):
        if worker.shift != Shift.WORKING:
            continue
        silent_s = (now_ms - worker.seen_ms) / 1000
        for queue in worker.queues:
            found[queue] = min(silent_s, found.get(queue, silent_s))
    return found


async def present(client: Async) -> tuple[list[Worker], int]:
    """Return the workers by name, and Redis's clock in ms; raises what redis does where it is away."""
    asking: Any = client
    seconds, micros = await asking.time()
    now_ms = int(seconds * 1000 + micros // 1000)
    return _read(await asking.hgetall(keys.workers()), now_ms), now_ms


def _read(found: Mapping[bytes, bytes], now_ms: int, *, older: bool = False) -> list[Worker]:
    known = [_decoder.decode(text) for text in found.values()]
    return sorted(
        (one for one in known if (one.seen_ms < now_ms - LIFE_MS) is older), key=lambda one: one.name
    )
