"""Connections: how each is, what it has carried, what was said over it; pause and resume."""

from urllib.parse import quote, urlencode

from aiohttp import web

from broker.console.gate import Gate, Route
from broker.console.pages import Pages, go_to
from broker.console.visit import ROOT, Visit
from broker.dialects.native.logbook import encode_position, parse_log_query
from broker.domain.wire import Call
from broker.errors import InvalidField
from broker.keyspace.lanes import Depths
from broker.log import get_logger
from broker.services.carrying import Carrying
from broker.services.connections import Connections as Stopping
from broker.services.logbook import Logbook
from broker.services.tallies import Tallies

LIST = f"{ROOT}connections"
LONGEST_REASON = 200
_LOG_FILTERS = ("message", "since", "cursor", "order")

log = get_logger()


class Connections:
    """Shows connections, and lets operators pause and resume them."""

    def __init__(
        self,
        pages: Pages,
        carrying: Carrying,
        stopping: Stopping,
        *,
        tallies: Tallies,
        logbook: Logbook,
        depths: Depths,
    ) -> None:
        self._pages = pages
        self._carrying = carrying
        self._stopping = stopping
        self._tallies = tallies
        self._logbook = logbook
        self._depths = depths

    def routes(self, gate: Gate) -> list[Route]:
        """Return what leads here."""
        one = f"{LIST}/{{name}}"
        return [
            *gate.get(LIST, self.list),
            *gate.get(one, self.show),
            *gate.post(f"{one}/pause", self.pause),
            *gate.post(f"{one}/resume", self.resume),
        ]

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
            "connection.html",
            link=link,
            lanes=await self._depths.of(link.name),
            tally=tally,
            entries=[entry for _, entry in found],
            asked=asked,
            older=f"{visit.request.path}?{urlencode(further)}#log" if further else "",
        )

    async def pause(self, visit: Visit) -> web.Response:
        """Answer `POST /console/connections/{name}/pause`."""
        name, reason = visit.pieces["name"], visit.form.text("reason")
        if not reason or len(reason) > LONGEST_REASON:
            raise InvalidField(f"say why, in at most {LONGEST_REASON} characters")
        await self._stopping.pause(name, reason=f"{visit.operator.name}: {reason}")
        log.warning("connection_paused", operator=visit.operator.name, connection=name, reason=reason)
        return go_to(f"{LIST}/{quote(name, safe='')}")

    async def resume(self, visit: Visit) -> web.Response:
        """Answer `POST /console/connections/{name}/resume`."""
        name = visit.pieces["name"]
        await self._stopping.resume(name)
        log.warning("connection_resumed", operator=visit.operator.name, connection=name)
        return go_to(f"{LIST}/{quote(name, safe='')}")
