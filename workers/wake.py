"""Wake Celery's event loop when a thread hands it something to do."""

import os
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from celery import bootsteps


class Wake(bootsteps.StartStopStep):
    """A step of the consumer, renewed at every connection.

    In the threads pool an acknowledgement reaches the loop through `call_soon`, which does not interrupt its poll.
    With all slots full of finished tasks and nothing else to happen, the worker would sleep until the next timer
    (DESIGN section 2). A byte in a pipe wakes it.
    """

    requires = ("celery.worker.consumer.tasks:Tasks",)

    def __init__(self, parent: Any, **options: Any) -> None:
        super().__init__(parent, **options)
        self._reader, self._writer = os.pipe()
        os.set_blocking(self._reader, False)
        os.set_blocking(self._writer, False)

    def register_with_event_loop(self, parent: Any, hub: Any) -> None:  # noqa: ARG002
        """Listen to the pipe, and write to it whenever another thread calls."""
        hub.add_reader(self._reader, self._drain)
        hub.call_soon = self._waking(type(hub).call_soon.__get__(hub))

    def _waking(self, call_soon: Callable[..., Any]) -> Callable[..., Any]:
        loop_thread = threading.get_ident()

        def waking(callback: Any, *args: Any) -> Any:
            handle = call_soon(callback, *args)
            if threading.get_ident() != loop_thread:
                with suppress(BlockingIOError):  # full: it is awake already
                    os.write(self._writer, b"\0")
            return handle

        return waking

    def _drain(self) -> None:
        with suppress(BlockingIOError):
            while os.read(self._reader, 4096):
                pass
