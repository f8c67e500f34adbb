"""Connections: how each is, what it has carried, what was said over it."""

from collections.abc import Mapping
from urllib.parse import urlencode

from aiohttp import web

from broker.console.gate import Gate, Route
from broker.console.live import Live
from broker.console.numbers import moment
from broker.console.pages import Pages
from broker.console.visit import ROOT, Visit
from broker.dialects.native.logbook import encode_position, parse_log_query
from broker.domain.ids import new_id
from broker.domain.logbook import LogQuery, Order, Position
from broker.domain.value import replace
from broker.domain.wire import Call
from broker.keyspace.lanes import Depths
from broker.services.carrying import Carrying
from broker.services.logbook import Logbook
from broker.services.tallies import Tallies

LIST = f"{ROOT}connections"
MOST_NEW = 99
"""Most new entries that are counted for somebody who looks at the log."""
_LOG_FILTERS = ("message", "since", "until", "direction", "level", "order")


class Connections:
    """Shows connections."""

    def __init__(
        self,
        pages: Pages,
        carrying: Carrying,
        *,
        tallies: Tallies,
        logbook: Logbook,
        depths: Depths,
        live: Live,
    ) -> None:
        self._pages = pages
        self._carrying = carrying
        self._tallies = tallies
        self._logbook = logbook
        self._depths = depths
        self._live = live

    def routes(self, gate: Gate) -> list[Route]:
        """Return what leads here."""
        one = f"{LIST}/{{name}}"
        return [
            *gate.get(LIST, self.list),
            *gate.get(one, self.show),
            *gate.get(f"{one}/log-live", self.news)[:1],
        ]

    async def list(self, visit: Visit) -> web.Response:
        """Answer `GET /console/connections`."""
        links = await self._carrying.all()
        return await self._pages.show(visit, "connections.html", links=links)

    async def show(self, visit: Visit) -> web.Response:
        """Answer `GET /console/connections/{name}`."""
        link = await self._carrying.one(visit.pieces["name"])
        asked = _asked(visit)
        found, further = await self._logbook.page(_query(asked, link.name, visit.query.get("cursor", "")))
        tally = await self._tallies.lately(link.name)
        return await self._pages.show(
            visit,
            "connection_events.html",
            link=link,
            section="",
            lanes=await self._depths.of(link.name),
            tally=tally,
            entries=[entry for _, entry in found],
            asked=asked,
            once=new_id(),
            older=_older(visit, asked, further),
            live=_live(visit, asked, found[0][0] if found else None),
        )

    async def news(self, visit: Visit) -> web.StreamResponse:
        """Answer `GET /console/connections/{name}/log-live`: how many entries are newer than that named by `than`."""
        wanted = _query(
            {**_asked(visit), "order": Order.OLDEST}, visit.pieces["name"], visit.query.get("than", "")
        )

        async def look() -> tuple[str, str]:
            found, further = await self._logbook.page(replace(wanted, limit=MOST_NEW))
            number = f"over {MOST_NEW}" if further is not None else str(len(found))
            return number, number

        return await self._live.tell(visit, "new", look, seen="0")


def _asked(visit: Visit) -> dict[str, str]:
    """Return what the log is narrowed by."""
    return {name: visit.query[name] for name in _LOG_FILTERS if visit.query.get(name)}


def _query(asked: Mapping[str, str], name: str, cursor: str) -> LogQuery:
    """Return the question that the filters of a page make; raises RequestError where one cannot be used."""
    given = {**asked, **({"cursor": cursor} if cursor else {})}
    for field in ("since", "until"):
        at = moment(given.get(field, ""))
        if at is not None:
            given[field] = at.isoformat()
    return parse_log_query(Call(method="GET", path="", query=tuple(given.items())), name)


def _older(visit: Visit, asked: Mapping[str, str], further: Position | None) -> str:
    """Return where the log goes on; empty where it does not."""
    if further is None:
        return ""
    return f"{visit.request.path}?{urlencode({**asked, 'cursor': encode_position(further)})}#log"


def _live(visit: Visit, asked: Mapping[str, str], newest: Position | None) -> str:
    """Return the stream that tells of newer entries; empty where the page does not begin with the newest."""
    if visit.query.get("cursor") or "until" in asked or asked.get("order") == Order.OLDEST:
        return ""
    than = {} if newest is None else {"than": encode_position(newest)}
    return f"{visit.request.path}/log-live?{urlencode({**asked, **than})}"
