"""What is wrong now: since when, what to read about it, and where to look."""

from aiohttp import web

from broker.console.gate import Gate, Route
from broker.console.pages import Pages
from broker.console.visit import ROOT, Visit
from broker.dialects.native.overview import DEFAULT
from broker.services.overview import Glance

LIST = f"{ROOT}alerts"
RUNBOOKS = "docs/runbooks"
"""Where in the repository the pages are that say what to do."""


class Alerts:
    """Lists what the overview's strip says, with what is known of it."""

    def __init__(self, pages: Pages, glance: Glance) -> None:
        self._pages = pages
        self._glance = glance

    def routes(self, gate: Gate) -> list[Route]:
        """Return what leads here."""
        return gate.get(LIST, self.show)

    async def show(self, visit: Visit) -> web.Response:
        """Answer `GET /console/alerts`; with `piece`, only what changes all the time."""
        view = await self._glance.look(DEFAULT)
        return await self._pages.show(
            visit,
            "alerts_now.html" if "piece" in visit.query else "alerts.html",
            troubles=view.troubles,
            at=view.at,
            window=DEFAULT,
            runbooks=RUNBOOKS,
        )
