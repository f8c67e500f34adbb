"""Connections: how each is, what it has carried, what was said over it."""

from urllib.parse import urlencode

from aiohttp import web

from broker.console.gate import Gate, Route
from broker.console.pages import Pages
from broker.console.visit import ROOT, Visit
from broker.dialects.native.logbook import encode_position, parse_log_query
from broker.domain.ids import new_id
from broker.domain.wire import Call
from broker.keyspace.lanes import Depths
from broker.services.carrying import Carrying
from broker.services.logbook import Logbook
from broker.services.tallies import Tallies

LIST = f"{ROOT}connections"
_LOG_FILTERS = ("message", "since", "cursor", "order")


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
    ) -> None:
        self._pages = pages
        self._carrying = carrying
        self._tallies = tallies
        self._logbook = logbook
        self._depths = depths

    def routes(self, gate: Gate) -> list[Route]:
        """Return what leads here."""
        one = f"{LIST}/{{name}}"
        return [*gate.get(LIST, self.list), *gate.get(one, self.show)]

    async def list(self, visit: Visit) -> web.Response:
        """Answer `GET /console/connections`."""
        links = await self._carrying.all()
        return await self._pages.show(visit, "connections.html", links=links)

    async def show(self, visit: Visit) -> web.Response:
        """Answer `GET /console/connections/{name}`."""
        link = await self._carrying.one(visit.pieces["name"])
        asked = {name: visit.query[name] for name in _LOG_FILTERS if visit.query.get(name)}
        call = Call(method="GET", path=visit.request.path, query=tuple(asked.items()))
        found, more = await self._logbook.page(parse_log_query(call, link.name))
        further = {**asked, "cursor": encode_position(found[-1][0])} if more and found else {}
        tally = await self._tallies.of(link.name, None)
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
            older=f"{visit.request.path}?{urlencode(further)}#log" if further else "",
        )
