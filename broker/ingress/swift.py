"""Short answers, written to the socket in one piece."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from email.utils import formatdate
from http import HTTPStatus

from aiohttp import HttpVersion10, web
from aiohttp.abc import AbstractStreamWriter

from broker.domain.wire import Response

_STATUS_LINES = {
    status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n"
    for status in HTTPStatus
    if status >= HTTPStatus.OK
}


WRITTEN_S = 60.0
"""How long a customer may take to fetch an answer that something is to be done after."""


class _Clock:
    """The Date header's value, made once a second."""

    def __init__(self) -> None:
        self._second = 0
        self._text = ""

    def text(self) -> str:
        now = int(time.time())
        if now != self._second:
            self._second, self._text = now, formatdate(now, usegmt=True)
        return self._text


_clock = _Clock()


class Swift(web.StreamResponse):
    """An answer of ours that needs nothing of what aiohttp's can do: no cookies, compression, chunks or signals.

    Its head is spelled out once, where aiohttp's builds a header map, completes and serialises it; that was a tenth
    of the work for a send. Not for HEAD, nor for statuses without a body. `afterwards` runs with True once the last
    byte was handed to the system, and with False when the client is gone before.
    """

    def __init__(
        self,
        response: Response,
        *,
        private: bool = False,
        afterwards: Callable[[bool], Awaitable[None]] | None = None,
    ) -> None:
        # Not super's: it makes a map of headers and one for others' notes, of which there are none here.
        self._status = response.status
        head = "".join([f"{name}: {value}\r\n" for name, value in response.headers.items()])
        if head.count("\n") != len(response.headers):
            raise ValueError("a header holds a line break")
        if private and "Cache-Control" not in response.headers:
            head += "Cache-Control: no-store\r\n"
        self._head = head
        self._bytes = response.body
        self._afterwards = afterwards
        self._asked: web.BaseRequest | None = None

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter | None:
        """Remember who asked."""
        self._asked = request
        if not request.keep_alive:
            self.force_close()
        return None

    @property
    def keep_alive(self) -> bool | None:
        """Whether the connection may be used again."""
        return super().keep_alive is not False

    async def write_eof(self, data: bytes = b"") -> None:  # noqa: ARG002  # aiohttp gives none
        """Write head and body."""
        if self._afterwards is None:
            self._write()
            return
        try:
            await _fetched(*self._write())
        except ConnectionError:
            await self._afterwards(False)
            raise
        await self._afterwards(True)

    def _write(self) -> tuple[web.BaseRequest, asyncio.Transport]:
        request = self._asked
        if request is None or request.transport is None or request.transport.is_closing():
            raise ConnectionResetError("the client is gone")
        if not self.keep_alive:
            connection = "Connection: close\r\n"
        elif request.version == HttpVersion10:
            connection = "Connection: keep-alive\r\n"
        else:
            connection = ""
        body = self._bytes
        head = (
            f"{_STATUS_LINES[self.status]}{self._head}{connection}"
            f"Content-Length: {len(body)}\r\nDate: {_clock.text()}\r\n\r\n"
        )
        request.transport.write(head.encode("latin-1") + body)
        return request, request.transport


async def _fetched(request: web.BaseRequest, transport: asyncio.Transport) -> None:
    """Return once the system has taken over every byte for the client.

    Raises:
        ConnectionResetError: the client went away before, or is too slow.
    """
    transport.set_write_buffer_limits(high=0)  # draining then waits for the last byte
    waited = transport.get_write_buffer_size() > 0
    try:
        async with asyncio.timeout(WRITTEN_S):
            await request.writer.drain()
    except TimeoutError as error:
        transport.abort()
        raise ConnectionResetError("the client is too slow") from error
    if waited and transport.is_closing():
        raise ConnectionResetError("the client is gone")
    transport.set_write_buffer_limits()
