"""Erasures over HTTP, for administrators."""

from aiohttp import web

from broker.dialects.native.dialect import credentials_of
from broker.dialects.native.erasures import erasure_taken, erasures_listed, parse_erasure
from broker.dialects.native.fields import BODY_LIMIT
from broker.dialects.native.optouts import COUNTRY
from broker.domain.address import mask
from broker.domain.operator import Role
from broker.ingress.answers import to_web
from broker.ingress.calls import head, read
from broker.ingress.deeds import deed
from broker.ingress.router import Router
from broker.log import get_logger
from broker.services.audit import Audit
from broker.services.erasure_desk import ErasureDesk
from broker.services.signin import SignIn

log = get_logger()


class Erasures:
    """Takes requests to erase a number, and shows how far they are."""

    def __init__(self, desk: ErasureDesk, sign_in: SignIn, audit: Audit, *, patience_s: float) -> None:
        self._desk = desk
        self._sign_in = sign_in
        self._audit = audit
        self._patience_s = patience_s

    def add_to(self, router: Router) -> None:
        """Serve the paths."""
        router.add("GET", "/v1/operators/erasures", self.list)
        router.add("POST", "/v1/operators/erasures", self.begin)

    async def list(self, request: web.BaseRequest) -> web.Response:
        """Answer `GET /v1/operators/erasures`."""
        call = head(request)
        await self._sign_in.operator(credentials_of(call.headers), needs=Role.VIEWER, peer=call.peer)
        return to_web(erasures_listed(await self._desk.every()))

    async def begin(self, request: web.BaseRequest) -> web.Response:
        """Answer `POST /v1/operators/erasures`; the number is in the body, since addresses are logged by others."""
        call = head(request)
        operator = await self._sign_in.operator(
            credentials_of(call.headers), needs=Role.ADMIN, peer=call.peer
        )
        given = parse_erasure(await read(request, limit=BODY_LIMIT, patience_s=self._patience_s))
        noted = deed(operator.name, "erasures begin", subject=mask(given["number"]), reason=given["reason"])
        async with self._audit.of(noted):
            erasure = await self._desk.begin(
                given["number"], country=COUNTRY, who=operator.name, reason=given["reason"]
            )
        log.info("erasure_asked_for", operator=operator.name, erasure=erasure.id)
        return to_web(erasure_taken(erasure))
