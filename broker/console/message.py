"""One message: what happened to it, what was said, what is in it for those who may read that."""

import re
from functools import partial
from urllib.parse import quote

from aiohttp import web

from broker.console import as_curl
from broker.console.gate import Gate, Route
from broker.console.headers import CONTENT
from broker.console.messages import LIST
from broker.console.pages import Pages
from broker.console.stored import Stored, message_id
from broker.console.timeline import timeline
from broker.console.tries import tries
from broker.console.visit import Visit
from broker.console.ways import ways_of
from broker.dialects.native.lookup import found
from broker.domain.deed import DeedQuery
from broker.domain.ids import new_id
from broker.domain.operator import Role
from broker.errors import NotPermitted
from broker.log import get_logger
from broker.services.audit import Audit
from broker.services.browse import Browse
from broker.services.slides import show
from broker.services.thumbnail import LARGE_SIDE, SIDE, thumbnail

_TRACEPARENT = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}")
MOST_DEEDS = 10
"""So many of the last things that people did about a message are shown with it."""

log = get_logger()


class OneMessage:
    """Shows a message. Text, pictures and whole numbers are shown when somebody asks for them, and that is noted."""

    def __init__(
        self, pages: Pages, browse: Browse, stored: Stored, audit: Audit, *, reached_at: str, trace_url: str
    ) -> None:
        self._pages = pages
        self._browse = browse
        self._stored = stored
        self._audit = audit
        self._reached_at = reached_at
        self._trace_url = trace_url

    def routes(self, gate: Gate) -> list[Route]:
        """Return what leads here."""
        one = f"{LIST}/{{id}}"
        part = f"{one}/parts/{{index}}"
        return [
            *gate.get(one, self.show),
            *gate.post(f"{one}/reveal", self.reveal, needs=Role.CONTENT),
            *gate.get(f"{one}/raw", self.raw, needs=Role.CONTENT, deed="messages raw"),
            *gate.get(part, self.part, needs=Role.CONTENT, deed="messages parts download"),
            *gate.get(f"{part}/thumbnail", self.thumbnail, needs=Role.CONTENT),
            *gate.get(f"{part}/picture", self.picture, needs=Role.CONTENT),
        ]

    async def show(self, visit: Visit) -> web.Response:
        """Answer `GET /console/messages/{id}`."""
        return await self._page(visit, shown=False)

    async def reveal(self, visit: Visit) -> web.Response:
        """Answer `POST /console/messages/{id}/reveal`."""
        page = await self._page(visit, shown=True)
        log.warning("content_revealed", operator=visit.operator.name, message_id=visit.pieces["id"])
        return page

    async def raw(self, visit: Visit) -> web.Response:
        """Answer `GET /console/messages/{id}/raw`: the message as its customer gets it of the native API."""
        whole = await self._browse.one(message_id(visit))
        log.warning("content_revealed", operator=visit.operator.name, message_id=visit.pieces["id"])
        answer = found(whole.record)
        return web.Response(body=answer.body, headers={**answer.headers, **CONTENT})

    async def part(self, visit: Visit) -> web.StreamResponse:
        """Answer `GET /console/messages/{id}/parts/{index}`: the file, to be kept and not shown."""
        part, path = await self._stored.part(visit)
        log.warning("part_fetched", operator=visit.operator.name, message_id=visit.pieces["id"])
        headers = {
            **CONTENT,
            "Content-Type": part.content_type or "application/octet-stream",
            "Content-Disposition": f"attachment; filename*=UTF-8''{quote(path.name)}",
        }
        return web.FileResponse(path, headers=headers)

    async def thumbnail(self, visit: Visit) -> web.Response:
        """Answer `GET /console/messages/{id}/parts/{index}/thumbnail`."""
        return await self._picture(visit, SIDE)

    async def picture(self, visit: Visit) -> web.Response:
        """Answer `GET /console/messages/{id}/parts/{index}/picture`: as large as a page can show it."""
        return await self._picture(visit, LARGE_SIDE)

    async def _picture(self, visit: Visit, side: int) -> web.Response:
        if visit.query.get("mark") != visit.mark(message_id(visit)):
            raise NotPermitted("ask for it on the message's page first: it is noted there who looked")
        _, path = await self._stored.part(visit)
        picture = await self._stored.run(partial(thumbnail, path, side=side))
        return web.Response(body=picture, headers={**CONTENT, "Content-Type": "image/png"})

    async def _page(self, visit: Visit, *, shown: bool) -> web.Response:
        whole = await self._browse.one(message_id(visit))
        message = whole.record.message
        slides = await self._stored.run(partial(show, message, self._stored.bytes_of)) if shown else None
        base = self._reached_at
        attempts, others = tries(whole.record.attempts, whole.said)
        deeds, _ = (
            await self._audit.page(DeedQuery(subject=message.id, limit=MOST_DEEDS))
            if visit.may(Role.OPERATOR)
            else ([], None)
        )
        return await self._pages.show(
            visit,
            "message.html",
            whole=whole,
            message=message,
            slides=slides,
            steps=timeline(whole),
            attempts=attempts,
            others=others,
            shown=shown,
            may_read=visit.may(Role.CONTENT),
            may=ways_of(message),
            once=new_id(),
            deeds=deeds,
            trace=trace_of(message.trace, self._trace_url),
            curl=[as_curl.look_up(message, base), *([as_curl.send(message, base)] if shown else [])],
        )


def trace_of(parent: str, url: str) -> tuple[str, str]:
    """Return the id of the trace that a `traceparent` belongs to, and where it is looked at; empty where not known."""
    found = _TRACEPARENT.fullmatch(parent)
    name = found[1] if found else ""
    return name, url.replace("{trace_id}", name) if name else ""
