"""Has this worker take no new rings while people wish so, and take them again afterwards."""

from collections.abc import Callable, Iterable
from typing import Any

import structlog
from celery.worker import state

from broker.domain.shift import Shift

log = structlog.get_logger()


class Draining:
    """Stops and begins to hear queues, on Celery's own loop. For the thread that looks whether it is wished.

    A ring that Redis gives away at that moment is put back by Celery; those that this worker holds already are worked
    on, like everything it has begun.
    """

    def __init__(self, *, left: Callable[[], int]) -> None:
        self._left = left
        self._consumer: Any = None
        self._queues: tuple[str, ...] = ()
        self._wished = False
        self._hears = True

    def begin(self, consumer: Any, queues: Iterable[str]) -> None:
        """Note whose queues these are; the consumer stays the same when it connects again."""
        self._consumer, self._queues = consumer, tuple(queues)

    def wish(self, wished: bool) -> None:
        """Say what is wished now; said again and again, so that what did not come about is tried anew."""
        if wished is not self._wished:
            log.warning("worker_drains" if wished else "worker_resumes")
        self._wished = wished
        if self._hears is wished:
            self._consumer.call_soon(self._settle)

    @property
    def is_settled(self) -> bool:
        """Whether this worker stands as it is wished to."""
        return self.shift is (Shift.DRAINED if self._wished else Shift.WORKING)

    @property
    def shift(self) -> Shift:
        """How this worker stands."""
        if self._hears and not self._wished:
            return Shift.WORKING
        return Shift.DRAINING if self._hears or state.reserved_requests or self._left() else Shift.DRAINED

    def _settle(self) -> None:
        """Hear the queues or not; while there is no connection this waits for the next time."""
        consumer = self._consumer
        if consumer.task_consumer is None:
            return
        if self._wished:
            for queue in self._queues:
                consumer.cancel_task_queue(queue)
        else:
            # Else none of them would be heard any more once it has connected again.
            consumer.app.amqp.queues.select(self._queues)
            for queue in self._queues:
                consumer.add_task_queue(queue)
        self._hears = not self._wished
