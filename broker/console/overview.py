"""The first page: is it flowing, and what is wrong."""

from aiohttp import web

from broker.console.gate import Gate, Route
from broker.console.pages import Pages
from broker.console.visit import ROOT, Visit


class Overview:
    """Shows how everything is at a glance."""

    def __init__(self, pages: Pages) -> None:
        self._pages = pages

    def routes(self, gate: Gate) -> list[Route]:
        """Return what leads here."""
        return gate.get(ROOT, self.show)

    async def show(self, visit: Visit) -> web.Response:
        """Answer `GET /console/`."""
        return await self._pages.show(visit, "overview.html")
