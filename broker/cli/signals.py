"""Waiting that a signal cuts short."""

import select
import signal
import socket
from types import FrameType, TracebackType
from typing import Self

ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Signals:
    """Counts the requests to end, and wakes a wait when one comes or a child ends. Main thread only."""

    def __init__(self) -> None:
        self.ends = 0
        self._read, self._write = socket.socketpair()
        self._before: dict[int, object] = {}

    def __enter__(self) -> Self:
        self._read.setblocking(False)
        self._write.setblocking(False)
        signal.set_wakeup_fd(self._write.fileno(), warn_on_full_buffer=False)
        for number in ENDING:
            self._before[number] = signal.signal(number, self._end)
        self._before[signal.SIGCHLD] = signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        signal.set_wakeup_fd(-1)
        for number, handler in self._before.items():
            signal.signal(number, handler)  # type: ignore[arg-type]  # what signal() gave, it takes
        self._read.close()
        self._write.close()

    def _end(self, _number: int, _frame: FrameType | None) -> None:
        self.ends += 1

    def wait(self, timeout_s: float) -> None:
        """Sleep for so long, or until the next signal."""
        ready, _, _ = select.select([self._read], [], [], max(0.0, timeout_s))
        if ready:
            self._read.recv(4096)
