"""Shows that a worker lives: its loop goes round, and rings that it hears come to an end."""

import threading
import time
from collections.abc import Callable
from typing import Any

from celery import bootsteps

from broker.dispatch import Job
from broker.metrics.measures import HEARTBEAT, TASK_TIMES, TASKS
from broker.metrics.meter import Meter
from workers import runtime

EVERY_S = 1.0
"""Between two beats."""

_JOBS = frozenset(map(str, Job))


class Pulse(bootsteps.StartStopStep):
    """A step of the consumer, renewed at every connection: while Redis is away the heart does not beat."""

    requires = ("celery.worker.consumer.tasks:Tasks",)

    def __init__(self, parent: Any, **options: Any) -> None:
        super().__init__(parent, **options)
        self._last = 0.0

    def register_with_event_loop(self, parent: Any, hub: Any) -> None:
        """Beat as long as the loop goes round, and send with each beat what happened to tasks."""
        self._beat()
        runtime.current().meter.show(HEARTBEAT, lambda: {(): self._last})
        hub.call_repeatedly(EVERY_S, self._beat)
        # From threads Celery would hand the loop a flush in a way that is not safe, and for each event anew.
        parent.event_dispatcher.on_send_buffered = None
        hub.call_repeatedly(EVERY_S, parent.event_dispatcher.flush)

    def _beat(self) -> None:
        self._last = time.time()


class Rings:
    """Counts rings by how they ended, and how long they took."""

    def __init__(self, meter: Callable[[], Meter]) -> None:
        self._meter = meter
        self._at = threading.local()
        self._lock = threading.Lock()
        self._begun = self._done = self._failed = 0

    def figures(self) -> tuple[int, int, int]:
        """Return how many rings are being worked on, how many went well, and how many failed."""
        with self._lock:
            return self._begun - self._done - self._failed, self._done, self._failed

    def begun(self, **_: Any) -> None:
        """Note when a ring was heard; it ends on the same thread."""
        self._at.began = time.perf_counter()
        with self._lock:
            self._begun += 1

    def ended(self, task: Any = None, state: str | None = None, **_: Any) -> None:
        """Count a ring that came to its end."""
        job = task.name if task is not None and task.name in _JOBS else "other"
        with self._lock:
            self._done += state == "SUCCESS"
            self._failed += state != "SUCCESS"
        meter = self._meter()
        meter.count(TASKS, job, "done" if state == "SUCCESS" else "failed")
        meter.time(TASK_TIMES, time.perf_counter() - getattr(self._at, "began", time.perf_counter()), job)
