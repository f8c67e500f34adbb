"""Accounts: what each may, the addresses of its APIs, and whether they are ready."""

from functools import partial

from aiohttp import web

from broker.console.gate import Gate, Route
from broker.console.pages import Pages
from broker.console.visit import ROOT, Visit
from broker.dialects import DIALECTS
from broker.errors import NotFound
from broker.keyspace.pressure import Pressure
from broker.services.sql import AsyncSql
from broker.settings import Settings
from broker.storage import customers

LIST = f"{ROOT}accounts"
PAGE = 100


class Accounts:
    """Shows customers, without any of their secrets."""

    def __init__(self, pages: Pages, sql: AsyncSql, pressure: Pressure, settings: Settings) -> None:
        self._pages = pages
        self._sql = sql
        self._pressure = pressure
        self._settings = settings

    def routes(self, gate: Gate) -> list[Route]:
        """Return what leads here."""
        return [*gate.get(LIST, self.list), *gate.get(f"{LIST}/{{name}}", self.show)]

    async def list(self, visit: Visit) -> web.Response:
        """Answer `GET /console/accounts`."""
        after = visit.query.get("after", "")
        found = await self._sql.read(partial(customers.accounts, after=after, limit=PAGE + 1))
        return await self._pages.show(
            visit, "accounts.html", rows=found[:PAGE], after=found[PAGE - 1].name if len(found) > PAGE else ""
        )

    async def show(self, visit: Visit) -> web.Response:
        """Answer `GET /console/accounts/{name}`."""
        account = await self._sql.read(partial(customers.account, name=visit.pieces["name"]))
        if account is None:
            raise NotFound("there is no such account")
        base = self._settings.reached_at
        ready = await self._pressure.is_seen()
        dialects = [(name, dialect.configured(self._settings).routes) for name, dialect in DIALECTS.items()]
        apis = [(name, method, base + path) for name, routes in dialects for method, path in routes]
        return await self._pages.show(visit, "account.html", account=account, apis=apis, ready=ready)
