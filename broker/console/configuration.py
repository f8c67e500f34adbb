"""Settings: what each is, and where that came from; versions; who may sign in."""

import os

from aiohttp import web

from broker.console.gate import Gate, Route
from broker.console.pages import Pages
from broker.console.visit import ROOT, Visit
from broker.domain.operator import Role
from broker.services.configuration import configuration, versions
from broker.services.sql import AsyncSql
from broker.settings import Settings
from broker.storage import operators

LIST = f"{ROOT}settings"


class Configuration:
    """Shows settings without secrets. They are changed where the process is started, and not here."""

    def __init__(self, pages: Pages, sql: AsyncSql, settings: Settings) -> None:
        self._pages = pages
        self._sql = sql
        self._settings = settings

    def routes(self, gate: Gate) -> list[Route]:
        """Return what leads here."""
        return gate.get(LIST, self.show, needs=Role.OPERATOR)

    async def show(self, visit: Visit) -> web.Response:
        """Answer `GET /console/settings`."""
        return await self._pages.show(
            visit,
            "settings.html",
            rows=configuration(self._settings, os.environ),
            versions=list(versions().items()),
            people=await self._sql.read(operators.every),
        )
