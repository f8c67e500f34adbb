"""What operators may see of news that fits nothing, and do about carriers' journaled webhooks."""

from dataclasses import asdict

from aiohttp import web

from broker.dialects.native.dialect import credentials_of
from broker.dialects.native.journal import listed_parked, parse_parked, parse_reread, reread_page
from broker.domain.operator import Role
from broker.ingress.answers import to_web
from broker.ingress.calls import head
from broker.ingress.deeds import deed
from broker.log import get_logger
from broker.services.audit import Audit
from broker.services.rereading import Rereading, Stretch
from broker.services.signin import SignIn
from broker.storage.parked import Which
from broker.storage.webhooks import Place

log = get_logger()


class Journal:
    """Answers people who run the broker; each signs in with every request."""

    def __init__(self, sign_in: SignIn, audit: Audit, rereading: Rereading) -> None:
        self._sign_in = sign_in
        self._audit = audit
        self._rereading = rereading

    async def parked(self, request: web.BaseRequest) -> web.Response:
        """Answer `GET /v1/webhooks/parked`: news of messages we do not know, arrivals for nobody's numbers."""
        call = head(request)
        await self._sign_in.operator(credentials_of(call.headers), needs=Role.VIEWER, peer=call.peer)
        which, after, limit = parse_parked(call)
        rows, more = await self._rereading.parked(Which(**which), after=after, limit=limit)
        return to_web(listed_parked([(row, asdict(item)) for row, item in rows], more))

    async def replay(self, request: web.BaseRequest) -> web.Response:
        """Answer `POST /v1/webhooks/replay`: read a page of the journal again."""
        call = head(request)
        operator = await self._sign_in.operator(
            credentials_of(call.headers), needs=Role.OPERATOR, peer=call.peer
        )
        stretch, after = parse_reread(call)
        place = None if after is None else Place(**after)
        noted = deed(
            operator.name,
            "webhooks replay",
            subject=stretch.get("connection"),
            details={**stretch, **(after or {})},
        )
        async with self._audit.of(noted):
            done = await self._rereading.page(Stretch(**stretch), after=place)
        counts = {name: getattr(done, name) for name in ("webhooks", "moved", "arrived", "parked")}
        log.info("webhooks_reread", operator=operator.name, **counts)
        last = done.last
        return to_web(
            reread_page(
                counts,
                None
                if last is None
                else {"connection": last.connection, "at": last.at, "digest": last.digest},
            )
        )
