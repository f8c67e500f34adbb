"""What operators may see and do about connections."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web

from broker.dialects.native.connections import (
    connection_changed,
    connections_listed,
    parse_rate,
    parse_reason,
    parse_stop,
    parse_trial,
    tried,
)
from broker.dialects.native.dialect import credentials_of, idempotency_key
from broker.dialects.native.fields import BODY_LIMIT
from broker.domain.address import mask_within
from broker.domain.operator import Operator, Role
from broker.domain.usage import Stop
from broker.domain.wire import Call
from broker.ingress.answers import to_web
from broker.ingress.calls import head, read
from broker.ingress.deeds import deed
from broker.ingress.guarded import Handler
from broker.ingress.router import PIECES, Router
from broker.log import get_logger
from broker.services.audit import Audit
from broker.services.connections import Connections
from broker.services.signin import SignIn
from broker.services.trial import Trial

log = get_logger()

_EVENTS = {
    Stop.PAUSE: "connection_paused",
    Stop.HOLD: "connection_put_on_hold",
    Stop.DRAIN: "connection_drained",
    "resume": "connection_resumed",
    "rate": "connection_rate_changed",
    "test": "connection_tested",
    "reset-circuit": "connection_circuit_reset",
}


class ConnectionDesk:
    """Answers people who run the broker; each signs in with every request."""

    def __init__(
        self, sign_in: SignIn, audit: Audit, connections: Connections, trial: Trial, *, patience_s: float
    ) -> None:
        self._sign_in = sign_in
        self._audit = audit
        self._connections = connections
        self._trial = trial
        self._patience_s = patience_s

    def add_to(self, router: Router) -> None:
        """Serve the paths."""
        router.add("GET", "/v1/connections", self.list)
        router.add("POST", "/v1/connections/{name}/pause", self._stop(Stop.PAUSE))
        router.add("POST", "/v1/connections/{name}/hold", self._stop(Stop.HOLD))
        router.add("POST", "/v1/connections/{name}/drain", self._stop(Stop.DRAIN))
        router.add("POST", "/v1/connections/{name}/resume", self.resume)
        router.add("POST", "/v1/connections/{name}/reset-circuit", self.reset)
        router.add("POST", "/v1/connections/{name}/rate", self.rate)
        router.add("POST", "/v1/connections/{name}/test", self.try_out)

    async def list(self, request: web.BaseRequest) -> web.Response:
        """Answer `GET /v1/connections`."""
        call = head(request)
        await self._sign_in.operator(credentials_of(call.headers), needs=Role.VIEWER, peer=call.peer)
        return to_web(connections_listed(await self._connections.all()))

    def _stop(self, how: Stop) -> Handler:
        """Return what answers `POST /v1/connections/{name}/pause`, `/hold` and `/drain`."""

        async def stop(request: web.BaseRequest) -> web.Response:
            operator, call = await self._asked(request)
            name, (reason, until) = request[PIECES]["name"], parse_stop(call)
            async with self._noted(operator, how, name, reason, {"until": until}):
                return to_web(
                    connection_changed(await self._connections.stop(name, how, reason=reason, until=until))
                )

        return stop

    async def resume(self, request: web.BaseRequest) -> web.Response:
        """Answer `POST /v1/connections/{name}/resume`."""
        operator, call = await self._asked(request)
        name, reason = request[PIECES]["name"], parse_reason(call)
        async with self._noted(operator, "resume", name, reason):
            return to_web(connection_changed(await self._connections.resume(name)))

    async def reset(self, request: web.BaseRequest) -> web.Response:
        """Answer `POST /v1/connections/{name}/reset-circuit`."""
        operator, call = await self._asked(request)
        name, reason = request[PIECES]["name"], parse_reason(call)
        async with self._noted(operator, "reset-circuit", name, reason):
            return to_web(connection_changed(await self._connections.reset(name)))

    async def rate(self, request: web.BaseRequest) -> web.Response:
        """Answer `POST /v1/connections/{name}/rate`."""
        operator, call = await self._asked(request)
        name, (change, reason) = request[PIECES]["name"], parse_rate(call)
        told = {field: getattr(change, field) or "none" for field in sorted(change.given)}
        async with self._noted(operator, "rate", name, reason, told):
            return to_web(connection_changed(await self._connections.rate(name, change)))

    async def try_out(self, request: web.BaseRequest) -> web.Response:
        """Answer `POST /v1/connections/{name}/test`."""
        operator, call = await self._asked(request)
        name, key = request[PIECES]["name"], idempotency_key(call.headers) or ""
        account, draft = parse_trial(call, name, by=operator.name, key=key)
        told = {"account": account, "to": draft.recipients[0], "sender": draft.originator}
        async with self._noted(operator, "test", name, "", told):
            await self._connections.one(name)
            return to_web(tried(await self._trial.send(account, draft)))

    async def _asked(self, request: web.BaseRequest) -> tuple[Operator, Call]:
        """Return who asks, if they may act, and their call."""
        call = head(request)
        operator = await self._sign_in.operator(
            credentials_of(call.headers), needs=Role.OPERATOR, peer=call.peer
        )
        return operator, await read(request, limit=BODY_LIMIT, patience_s=self._patience_s)

    @asynccontextmanager
    async def _noted(
        self, operator: Operator, what: str, name: str, reason: str, details: dict[str, Any] | None = None
    ) -> AsyncIterator[None]:
        """Have it on record before it is done, and in the log afterwards."""
        noted = deed(operator.name, f"connections {what}", subject=name, reason=reason, details=details)
        async with self._audit.of(noted):
            yield
        log.warning(_EVENTS[what], connection=name, operator=operator.name, reason=mask_within(reason))
