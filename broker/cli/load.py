"""A load generator that costs little: keep-alive connections, requests made in advance, a minimal parser."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import cast

_END = b"\r\n\r\n"
_LENGTH = b"content-length: "
_STATUS = slice(9, 12)

Make = Callable[[int], bytes]
"""Returns the whole request with a number, as it goes over the wire."""


@dataclass(slots=True, kw_only=True)
class Outcome:
    """What a run of load brought. Times are in seconds; `sent_at` is wall-clock, by request number."""

    statuses: Counter[int] = field(default_factory=Counter)
    latencies: list[float] = field(default_factory=list)
    bodies: dict[int, bytes] = field(default_factory=dict)
    sent_at: dict[int, float] = field(default_factory=dict)
    sent: int = 0
    broken: int = 0
    wall_s: float = 0.0
    cpu_s: float = 0.0

    @property
    def good(self) -> int:
        """How many answers were 2xx."""
        return sum(count for status, count in self.statuses.items() if 200 <= status < 300)  # noqa: PLR2004

    @property
    def rate(self) -> float:
        """Good answers a second."""
        return self.good / self.wall_s if self.wall_s else 0.0


class _Run:
    """What the connections of one run share."""

    def __init__(self, make: Make, *, count: int, ends_at: float, keep: bool) -> None:
        self.make = make
        self.count = count
        self.ends_at = ends_at
        self.keep = keep
        self.outcome = Outcome()
        self.lines: set[_Line] = set()
        self.finished = asyncio.get_running_loop().create_future()

    def next(self) -> int | None:
        """Return the number of the next request, or None when there are to be no more."""
        if self.outcome.sent >= self.count or time.perf_counter() >= self.ends_at:
            return None
        self.outcome.sent += 1
        return self.outcome.sent - 1

    def leave(self, line: "_Line") -> None:
        """Count a connection out."""
        self.lines.discard(line)
        if not self.lines and not self.finished.done():
            self.finished.set_result(None)


class _Line(asyncio.Protocol):
    """One connection; in a closed loop it sends the next request as soon as it has an answer."""

    def __init__(self, run: _Run, idle: "asyncio.Queue[_Line] | None") -> None:
        self._run = run
        self._idle = idle
        self._number: int | None = None
        self._began = 0.0
        self._buffer = b""
        run.lines.add(self)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin, or wait to be given a request."""
        self._transport = cast("asyncio.Transport", transport)
        if self._idle is not None:
            self._idle.put_nowait(self)

    def connection_lost(self, _: Exception | None) -> None:
        """Count a request whose answer never came."""
        if self._number is not None:
            self._run.outcome.broken += 1
        self._run.leave(self)

    def fire(self, number: int | None) -> None:
        """Send a request, or with None hang up."""
        self._number = number
        if number is None:
            self._transport.close()
            return
        if self._run.keep:
            self._run.outcome.sent_at[number] = time.time()
        self._began = time.perf_counter()
        self._transport.write(self._run.make(number))

    def data_received(self, data: bytes) -> None:
        """Take an answer in, whole or in pieces."""
        if self._buffer:
            data = self._buffer + data
        head = data.find(_END)
        if head < 0 or len(data) < head + len(_END) + _length(data[:head]):
            self._buffer = data
            return
        self._buffer = b""
        outcome = self._run.outcome
        outcome.statuses[int(data[_STATUS])] += 1
        outcome.latencies.append(time.perf_counter() - self._began)
        if self._run.keep and self._number is not None:
            outcome.bodies[self._number] = data[head + len(_END) :]
        if self._idle is None:
            self.fire(self._run.next())
        else:
            self._number = None
            self._idle.put_nowait(self)

    def close(self) -> None:
        """Hang up."""
        self._transport.close()


def _length(head: bytes) -> int:
    at = head.lower().find(_LENGTH)
    if at < 0:
        return 0
    end = head.find(b"\r", at)
    return int(head[at + len(_LENGTH) : end if end >= 0 else None])


async def closed(
    host: str, port: int, make: Make, *, connections: int, count: int, limit_s: float, keep: bool = False
) -> Outcome:
    """Send up to `count` requests for up to `limit_s`, one after another on each connection."""
    loop = asyncio.get_running_loop()
    cpu, began = time.process_time(), time.perf_counter()
    run = _Run(make, count=count, ends_at=began + limit_s, keep=keep)
    for _ in range(connections):
        await loop.create_connection(lambda: _Line(run, None), host, port)
    cpu, began = time.process_time(), time.perf_counter()
    for line in tuple(run.lines):
        line.fire(run.next())
    return await _finish(run, cpu=cpu, began=began, limit_s=limit_s)


async def opened(
    host: str, port: int, make: Make, *, connections: int, rate: float, count: int, keep: bool = True
) -> Outcome:
    """Send `count` requests at `rate` a second, whether or not answers come; one that finds no free line waits."""
    loop = asyncio.get_running_loop()
    idle: asyncio.Queue[_Line] = asyncio.Queue()
    limit_s = count / rate * 2 + 5
    run = _Run(make, count=count, ends_at=time.perf_counter() + limit_s, keep=keep)
    for _ in range(connections):
        await loop.create_connection(lambda: _Line(run, idle), host, port)
    cpu, began = time.process_time(), time.perf_counter()
    for number in range(count):
        wait_s = began + number / rate - time.perf_counter()
        if wait_s > 0:
            await asyncio.sleep(wait_s)
        (await idle.get()).fire(run.next())
    for _ in tuple(run.lines):
        (await idle.get()).fire(None)
    return await _finish(run, cpu=cpu, began=began, limit_s=limit_s)


async def _finish(run: _Run, *, cpu: float, began: float, limit_s: float) -> Outcome:
    try:
        async with asyncio.timeout(limit_s + 10):
            await run.finished
    except TimeoutError:
        for line in tuple(run.lines):
            line.close()
    run.outcome.wall_s = time.perf_counter() - began
    run.outcome.cpu_s = time.process_time() - cpu
    return run.outcome
