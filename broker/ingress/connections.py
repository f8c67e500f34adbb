"""What operators may see and do about connections."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web

from broker.dialects.native.connections import connection_changed, connections_listed, parse_reason
from broker.dialects.native.dialect import credentials_of
from broker.dialects.native.fields import BODY_LIMIT
from broker.domain.address import mask_within
from broker.domain.operator import Role
from broker.ingress.answers import to_web
from broker.ingress.calls import head, read
from broker.ingress.deeds import deed
from broker.ingress.router import PIECES, Router
from broker.log import get_logger
from broker.services.audit import Audit
from broker.services.connections import Connections
from broker.services.signin import SignIn

log = get_logger()


class ConnectionDesk:
    """Answers people who run the broker; each signs in with every request."""

    def __init__(self, sign_in: SignIn, audit: Audit, connections: Connections, *, patience_s: float) -> None:
        self._sign_in = sign_in
        self._audit = audit
        self._connections = connections
        self._patience_s = patience_s

    def add_to(self, router: Router) -> None:
        """Serve the paths."""
        router.add("GET", "/v1/connections", self.list)
        router.add("POST", "/v1/connections/{name}/pause", self.pause)
        router.add("POST", "/v1/connections/{name}/resume", self.resume)

    async def list(self, request: web.BaseRequest) -> web.Response:
        """Answer `GET /v1/connections`."""
        call = head(request)
        await self._sign_in.operator(credentials_of(call.headers), needs=Role.VIEWER, peer=call.peer)
        return to_web(connections_listed(await self._connections.all()))

    async def pause(self, request: web.BaseRequest) -> web.Response:
        """Answer `POST /v1/connections/{name}/pause`."""
        async with self._asked(request, "pause") as (name, reason):
            return to_web(connection_changed(await self._connections.pause(name, reason=reason)))

    async def resume(self, request: web.BaseRequest) -> web.Response:
        """Answer `POST /v1/connections/{name}/resume`."""
        async with self._asked(request, "resume") as (name, _):
            return to_web(connection_changed(await self._connections.resume(name)))

    @asynccontextmanager
    async def _asked(self, request: web.BaseRequest, what: str) -> AsyncIterator[tuple[str, str]]:
        """Note and return the connection that an operator means, and why."""
        call = head(request)
        operator = await self._sign_in.operator(
            credentials_of(call.headers), needs=Role.OPERATOR, peer=call.peer
        )
        reason = parse_reason(await read(request, limit=BODY_LIMIT, patience_s=self._patience_s))
        name = request[PIECES]["name"]
        async with self._audit.of(deed(operator.name, f"connections {what}", subject=name, reason=reason)):
            yield name, reason
        told = mask_within(reason)
        event = {"pause": "connection_paused", "resume": "connection_resumed"}[what]
        log.warning(event, connection=name, operator=operator.name, reason=told)
