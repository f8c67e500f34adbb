"""What operators may see and do about workers."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web

from broker.dialects.native.connections import parse_reason
from broker.dialects.native.dialect import credentials_of
from broker.dialects.native.fields import BODY_LIMIT
from broker.dialects.native.workers import worker_changed, workers_listed
from broker.domain.address import mask_within
from broker.domain.operator import Role
from broker.ingress.answers import to_web
from broker.ingress.calls import head, read
from broker.ingress.deeds import deed
from broker.ingress.router import PIECES, Router
from broker.log import get_logger
from broker.services.audit import Audit
from broker.services.signin import SignIn
from broker.services.workers import Workers

log = get_logger()

_EVENTS = {"drain": "worker_drained", "resume": "worker_resumed"}


class WorkerDesk:
    """Answers people who run the broker; each signs in with every request."""

    def __init__(self, sign_in: SignIn, audit: Audit, workers: Workers, *, patience_s: float) -> None:
        self._sign_in = sign_in
        self._audit = audit
        self._workers = workers
        self._patience_s = patience_s

    def add_to(self, router: Router) -> None:
        """Serve the paths."""
        router.add("GET", "/v1/workers", self.list)
        router.add("POST", "/v1/workers/{name}/drain", self.drain)
        router.add("POST", "/v1/workers/{name}/resume", self.resume)

    async def list(self, request: web.BaseRequest) -> web.Response:
        """Answer `GET /v1/workers`."""
        call = head(request)
        await self._sign_in.operator(credentials_of(call.headers), needs=Role.VIEWER, peer=call.peer)
        return to_web(workers_listed(await self._workers.all()))

    async def drain(self, request: web.BaseRequest) -> web.Response:
        """Answer `POST /v1/workers/{name}/drain`."""
        async with self._asked(request, "drain") as (name, told):
            return to_web(worker_changed(await self._workers.drain(name, reason=told)))

    async def resume(self, request: web.BaseRequest) -> web.Response:
        """Answer `POST /v1/workers/{name}/resume`."""
        async with self._asked(request, "resume") as (name, _):
            return to_web(worker_changed(await self._workers.resume(name)))

    @asynccontextmanager
    async def _asked(self, request: web.BaseRequest, what: str) -> AsyncIterator[tuple[str, str]]:
        """Yield which worker an operator asks about and why: on record before it is done, in the log afterwards."""
        call = head(request)
        operator = await self._sign_in.operator(
            credentials_of(call.headers), needs=Role.OPERATOR, peer=call.peer
        )
        reason = parse_reason(await read(request, limit=BODY_LIMIT, patience_s=self._patience_s))
        name = request[PIECES]["name"]
        async with self._audit.of(deed(operator.name, f"workers {what}", subject=name, reason=reason)):
            yield name, reason
        log.warning(_EVENTS[what], worker=name, operator=operator.name, reason=mask_within(reason))
