"""A small HTTP/1.1 server whose answers can be dropped, cut short or slowed down.

A framework's server costs two to three times the CPU and hides the transport that the wire faults need.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable
from functools import lru_cache
from http import HTTPStatus
from typing import cast
from urllib.parse import parse_qsl, unquote

import httptools

from broker.domain.wire import Call
from broker.simulator.exchange import Ending, Handler, Reply, refusal

BODY_LIMIT = 64 * 1024 * 1024
_SLOW_STEPS = 20
_SLOW_STEP_S = 0.25


class Connection(asyncio.Protocol):
    """One client's connection: requests are answered one after another, in order."""

    def __init__(self, handler: Handler, connections: set["Connection"]) -> None:
        self._handler = handler
        self._connections = connections
        self._parser = httptools.HttpRequestParser(self)
        self._waiting: deque[tuple[Call, bool]] = deque()
        self._answering: asyncio.Task[None] | None = None
        self._peer = ""
        self._begin()

    def _begin(self) -> None:
        self._url = b""
        self._headers: dict[str, str] = {}
        self._body: list[bytes] = []
        self._size = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport: the answers go there."""
        self._transport = cast("asyncio.Transport", transport)
        peer = transport.get_extra_info("peername")
        self._peer = str(peer[0]) if peer else ""
        self._connections.add(self)

    def connection_lost(self, _: Exception | None) -> None:
        """Forget the connection; a request that was taken is still worked on."""
        self._connections.discard(self)
        self._waiting.clear()

    def data_received(self, data: bytes) -> None:
        """Feed the parser, which calls the `on_` methods."""
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self._write(refusal(400, "bad-request", "not HTTP/1.1"), keep=False)

    def close(self) -> None:
        """End the connection at once."""
        self._transport.abort()

    def on_message_begin(self) -> None:
        """Start a request."""
        self._begin()

    def on_url(self, url: bytes) -> None:
        """Collect the target; it may come in pieces."""
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a header, with its name in lower case."""
        self._headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        """Let a client that asks first go on with the body."""
        if self._headers.get("expect", "").lower() == "100-continue":
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def on_body(self, body: bytes) -> None:
        """Collect the body, up to the limit."""
        self._size += len(body)
        if self._size > BODY_LIMIT:
            self._transport.abort()
            return
        self._body.append(body)

    def on_message_complete(self) -> None:
        """Answer the request, or queue it behind the one that is being answered."""
        path, _, query = self._url.decode("latin-1").partition("?")
        call = Call(
            method=self._parser.get_method().decode("latin-1"),
            path=unquote(path) if "%" in path else path,
            query=tuple(parse_qsl(query, keep_blank_values=True)) if query else (),
            headers=self._headers,
            body=b"".join(self._body),
            peer=self._peer,
        )
        keep = self._parser.should_keep_alive()
        if self._answering is not None:
            self._waiting.append((call, keep))
            return
        reply = self._handler(call)
        if isinstance(reply, Reply) and reply.ending is Ending.WHOLE:
            self._write(reply, keep=keep)
        else:
            self._answering = asyncio.get_running_loop().create_task(self._answer(reply, keep))

    async def _answer(self, reply: Reply | Awaitable[Reply], keep: bool) -> None:
        while True:
            if not isinstance(reply, Reply):
                reply = await reply
            await self._send(reply, keep)
            if not self._waiting:
                break
            call, keep = self._waiting.popleft()
            reply = self._handler(call)
        self._answering = None

    async def _send(self, reply: Reply, keep: bool) -> None:
        if self._transport.is_closing():
            return
        if reply.ending is Ending.DROP:
            self._transport.abort()
        elif reply.ending is Ending.CUT:
            self._transport.write(_head(reply, keep=False) + reply.body[: len(reply.body) // 2])
            self._transport.close()
        elif reply.ending is Ending.SLOW:
            await self._trickle(reply, keep)
        else:
            self._write(reply, keep=keep)

    async def _trickle(self, reply: Reply, keep: bool) -> None:
        self._transport.write(_head(reply, keep=keep))
        step = max(1, -(-len(reply.body) // _SLOW_STEPS))
        for start in range(0, len(reply.body), step):
            await asyncio.sleep(_SLOW_STEP_S)
            if self._transport.is_closing():
                return
            self._transport.write(reply.body[start : start + step])

    def _write(self, reply: Reply, *, keep: bool) -> None:
        if self._transport.is_closing():
            return
        self._transport.write(_head(reply, keep=keep) + reply.body)
        if not keep:
            self._transport.close()


@lru_cache(maxsize=256)
def _opening(status: int, content_type: str, keep: bool) -> bytes:
    known = {each.value for each in HTTPStatus}
    phrase = HTTPStatus(status).phrase if status in known else "Unknown"
    kind = f"Content-Type: {content_type}\r\n" if status != HTTPStatus.NO_CONTENT else ""
    ending = "" if keep else "Connection: close\r\n"
    return f"HTTP/1.1 {status} {phrase}\r\n{kind}{ending}".encode("latin-1")


def _head(reply: Reply, *, keep: bool) -> bytes:
    head = _opening(reply.status, reply.content_type, keep)
    if reply.headers:
        head += "".join(f"{name}: {value}\r\n" for name, value in reply.headers.items()).encode("latin-1")
    if reply.status == HTTPStatus.NO_CONTENT:
        return head + b"\r\n"
    return head + b"Content-Length: %d\r\n\r\n" % len(reply.body)


class Server:
    """A listening socket with its open connections."""

    def __init__(self, handler: Handler) -> None:
        self._handler = handler
        self._connections: set[Connection] = set()

    async def start(self, host: str, port: int) -> int:
        """Listen, and return the port: the given one, or for 0 any that is free."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            lambda: Connection(self._handler, self._connections), host, port, backlog=1024
        )
        return int(self._server.sockets[0].getsockname()[1])

    async def stop(self) -> None:
        """Stop listening and end every connection."""
        self._server.close()
        for connection in tuple(self._connections):
            connection.close()
        await self._server.wait_closed()
