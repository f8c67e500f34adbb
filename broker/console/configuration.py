"""Settings: what each is, and where that came from; versions; who may sign in."""

import os
import platform
from importlib.metadata import PackageNotFoundError, version

from aiohttp import web

from broker.console.gate import Gate, Route
from broker.console.pages import Pages
from broker.console.visit import ROOT, Visit
from broker.domain.operator import Role
from broker.services.configuration import configuration
from broker.services.sql import AsyncSql
from broker.settings import Settings
from broker.storage import operators

LIST = f"{ROOT}settings"
_PACKAGES = ("aiohttp", "celery", "kombu", "redis", "sqlalchemy", "tenacity", "flower")


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
            versions=[("Python", platform.python_version()), *((name, _version(name)) for name in _PACKAGES)],
            people=await self._sql.read(operators.every),
        )


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"
