"""Queues: what waits where, and for how long."""

from aiohttp import web

from broker.console.gate import Gate, Route
from broker.console.pages import Pages
from broker.console.visit import ROOT, Visit
from broker.dispatch import Queue
from broker.keyspace.backlog import Backlog

LIST = f"{ROOT}queues"


class Queues:
    """Shows every queue."""

    def __init__(self, pages: Pages, backlog: Backlog) -> None:
        self._pages = pages
        self._backlog = backlog

    def routes(self, gate: Gate) -> list[Route]:
        """Return what leads here."""
        return gate.get(LIST, self.show)

    async def show(self, visit: Visit) -> web.Response:
        """Answer `GET /console/queues`."""
        return await self._pages.show(
            visit, "queues.html", found=await self._backlog.look(), queues=list(Queue)
        )
