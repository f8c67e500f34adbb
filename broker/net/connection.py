"""One HTTP/1.1 connection: a request goes out, its answer comes back."""

import asyncio
from contextlib import suppress
from typing import cast

import httptools

from broker.domain.wire import Response
from broker.errors import OutcomeUnknown
from broker.net.client import ANSWER_LIMIT, HEAD_LIMIT, IDLE_S

_RAW_LIMIT = 2 * ANSWER_LIMIT + HEAD_LIMIT  # chunk sizes and trailers come on top of the body
_CONTINUES = range(100, 200)


class Connection(asyncio.Protocol):
    """A connection that carries one exchange at a time; between two it lies in `idle`, newest last.

    The deadline costs no timer per request: the one timer fires at the earliest deadline it was ever given, looks
    whether that still holds, and sets itself again if not. The same timer closes a connection nobody uses.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        *,
        idle: list["Connection"],
        idle_s: float = IDLE_S,
    ) -> None:
        self.is_open = False
        self.deadline = 0.0
        """When the exchange, or else the rest, ends on the loop's clock."""
        self.gone: asyncio.Future[None] = loop.create_future()
        """Done when the connection has ended."""
        self._loop = loop
        self._idle = idle
        self._idle_s = idle_s
        self._waiter: asyncio.Future[Response] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._fires_at = 0.0
        self._parser = httptools.HttpResponseParser(self)
        self._only_head = False
        self._begin()

    def _begin(self) -> None:
        self._received = 0
        self._status = 0
        self._headers: list[tuple[bytes, bytes]] = []
        self._body: list[bytes] = []
        self._in_body = False
        self._complete = False
        self._reusable = False

    # What the client asks.

    def exchange(self, data: bytes, *, deadline: float, only_head: bool) -> asyncio.Future[Response]:
        """Write a whole request; the future ends with its answer, or with OutcomeUnknown."""
        self._waiter = waiter = self._loop.create_future()
        self._only_head = only_head
        self._watch(deadline)
        self._transport.write(data)
        return waiter

    def abandon(self, waiter: asyncio.Future[Response]) -> None:
        """End the exchange of `waiter`, unless it has ended and the connection is already another's."""
        if self._waiter is waiter:
            self.drop()
        elif not waiter.cancelled():
            waiter.exception()  # nobody will look at it any more, and that is no mistake

    def drop(self) -> None:
        """Close at once; an exchange under way ends as OutcomeUnknown."""
        self.is_open = False
        self._transport.abort()

    # What the loop tells.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the transport."""
        self._transport = cast("asyncio.Transport", transport)
        self.is_open = True

    def data_received(self, data: bytes) -> None:
        """Feed the parser; what nobody asked for ends the connection."""
        if self._waiter is None:  # nobody asked: whatever it is, it must not become the next request's answer
            self.drop()
            return
        self._received += len(data)
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            if not self._complete:
                self._fail("the answer is not readable HTTP", error)
                return
            self._reusable = False
        if self._complete:
            self._settle()
        elif self._received > (_RAW_LIMIT if self._in_body else HEAD_LIMIT):
            self._fail("the answer is too large")

    def eof_received(self) -> None:
        """Take note that the other end is done; the loop then closes."""
        self.is_open = False

    def connection_lost(self, exc: Exception | None) -> None:
        """End the exchange under way, if there is one."""
        self.is_open = False
        self.gone.set_result(None)
        if self._timer is not None:
            self._timer.cancel()
        if self._waiter is None:
            with suppress(ValueError):
                self._idle.remove(self)
        elif exc is None and self._in_body and self._ends_with_connection():
            self._settle()
        else:
            self._fail("the connection ended before the answer did", exc)

    def _on_timer(self) -> None:
        self._timer = None
        if self._loop.time() < self.deadline:
            self._watch(self.deadline)
        elif self._waiter is not None:
            self._fail("no answer in time")
        else:
            self.drop()

    def _watch(self, deadline: float) -> None:
        self.deadline = deadline
        if self._timer is not None:
            if self._fires_at <= deadline:
                return
            self._timer.cancel()
        self._fires_at = deadline
        self._timer = self._loop.call_at(deadline, self._on_timer)

    # What the parser finds.

    def on_message_begin(self) -> None:
        """Begin an answer."""
        if self._complete:  # a second answer to one request: keep the first, then hang up
            raise ValueError

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a header."""
        self._headers.append((name, value))

    def on_headers_complete(self) -> None:
        """Take note of the status."""
        self._status = self._parser.get_status_code()
        self._in_body = True
        if self._only_head and self._status not in _CONTINUES:
            # The parser cannot know that no body follows, so it is of no more use.
            self._complete = True

    def on_body(self, body: bytes) -> None:
        """Keep a piece of the body."""
        self._body.append(body)

    def on_message_complete(self) -> None:
        """Complete the answer, unless more follows an interim one."""
        if self._status in _CONTINUES:
            self._headers.clear()
            self._in_body = False
        else:
            self._complete = True
            self._reusable = not self._only_head and self._parser.should_keep_alive()

    # How an exchange ends.

    def _ends_with_connection(self) -> bool:
        """Say whether the answer gave no other sign of its end than the end of the connection."""
        return not any(name.lower() in {b"content-length", b"transfer-encoding"} for name, _ in self._headers)

    def _settle(self) -> None:
        body = b"".join(self._body)
        if (
            len(body) > ANSWER_LIMIT
            or sum(len(name) + len(value) for name, value in self._headers) > HEAD_LIMIT
        ):
            self._fail("the answer is too large")
            return
        response = Response(status=self._status, headers=_read(self._headers), body=body)
        waiter, self._waiter = self._waiter, None
        reusable = self._reusable and self.is_open
        self._begin()
        if waiter is None or waiter.done():
            self.drop()
            return
        waiter.set_result(response)
        if reusable:
            self.deadline = self._loop.time() + self._idle_s
            self._idle.append(self)
        else:
            self.is_open = False
            self._transport.close()

    def _fail(self, detail: str, cause: Exception | None = None) -> None:
        waiter, self._waiter = self._waiter, None
        self.drop()
        if waiter is not None and not waiter.done():
            error = OutcomeUnknown(detail)
            error.__cause__ = cause
            waiter.set_exception(error)


def _read(raw: list[tuple[bytes, bytes]]) -> dict[str, str]:
    headers: dict[str, str] = {}
    for name, value in raw:
        key = name.decode("latin-1").lower()
        text = value.decode("latin-1")
        headers[key] = f"{headers[key]}, {text}" if key in headers else text
    return headers
