"""Connections: not more than we can serve, and an answer of ours also for what is no HTTP."""

import asyncio
from http import HTTPStatus
from typing import Any

from aiohttp import web
from aiohttp.http import RawRequestMessage
from aiohttp.web_protocol import RequestHandler

from broker.ingress.answers import to_web
from broker.ingress.metrics import REFUSED, Meter
from broker.ingress.unreadable import Unreadable

_START = 4096
"""How much of an unreadable request is looked at, in bytes."""

_FULL = (
    b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
)


class Server(web.Server):
    """aiohttp's server, with connections of our own kind. It may have several listeners."""

    def __init__(self, *args: Any, unreadable: Unreadable, most: int, meter: Meter, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.unreadable = unreadable
        self.most = most
        self.meter = meter

    @property
    def is_full(self) -> bool:
        """Whether another connection would be one too many."""
        return len(self._connections) >= self.most

    def __call__(self) -> RequestHandler:
        """Return what serves a new connection."""
        return _Connection(self, loop=self._loop, **self._kwargs)


class _Connection(RequestHandler):
    __slots__ = ("_server", "_start", "_turned_away")

    def __init__(self, server: Server, **kwargs: Any) -> None:
        super().__init__(server, **kwargs)
        self._server = server
        self._start = b""
        self._turned_away = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if not self._server.is_full:
            super().connection_made(transport)
            return
        self._turned_away = True
        self._server.meter.count(REFUSED)
        if isinstance(transport, asyncio.Transport):
            transport.write(_FULL)
        transport.close()

    def data_received(self, data: bytes) -> None:
        if self._turned_away:
            return
        super().data_received(data)
        if self._messages and type(self._messages[-1][0]) is not RawRequestMessage:
            self._start = data[:_START]

    def connection_lost(self, exc: BaseException | None) -> None:
        if not self._turned_away:
            super().connection_lost(exc)

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,  # noqa: ARG002  # it quotes the request
    ) -> web.StreamResponse:
        """Answer what aiohttp could not read as we answer everything else."""
        answer = super().handle_error(request, status, exc, HTTPStatus(status).phrase)
        if status != HTTPStatus.BAD_REQUEST:
            return answer
        ours = to_web(self._server.unreadable.answer(self._start))
        ours.force_close()
        return ours
