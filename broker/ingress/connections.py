"""What operators may see and do about connections."""

from aiohttp import web

from broker.dialects.native.connections import connection_changed, connections_listed, parse_reason
from broker.dialects.native.dialect import credentials_of
from broker.dialects.native.fields import BODY_LIMIT
from broker.domain.address import mask_within
from broker.domain.operator import Role
from broker.ingress.answers import to_web
from broker.ingress.calls import head, read
from broker.ingress.router import PIECES, Router
from broker.log import get_logger
from broker.services.connections import Connections
from broker.services.signin import SignIn

log = get_logger()


class ConnectionDesk:
    """Answers people who run the broker; each signs in with every request."""

    def __init__(self, sign_in: SignIn, connections: Connections, *, patience_s: float) -> None:
        self._sign_in = sign_in
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
        name, reason = await self._asked(request, "connection_paused")
        return to_web(connection_changed(await self._connections.pause(name, reason=reason)))

    async def resume(self, request: web.BaseRequest) -> web.Response:
        """Answer `POST /v1/connections/{name}/resume`."""
        name, _ = await self._asked(request, "connection_resumed")
        return to_web(connection_changed(await self._connections.resume(name)))

    async def _asked(self, request: web.BaseRequest, event: str) -> tuple[str, str]:
        """Return the connection that an operator means, and why."""
        call = head(request)
        operator = await self._sign_in.operator(
            credentials_of(call.headers), needs=Role.OPERATOR, peer=call.peer
        )
        reason = parse_reason(await read(request, limit=BODY_LIMIT, patience_s=self._patience_s))
        name = request[PIECES]["name"]
        log.warning(event, connection=name, operator=operator.name, reason=mask_within(reason))
        return name, reason
