"""Accounts: what each may, the addresses of its APIs, and whether they are ready."""

from functools import partial

from aiohttp import web

from broker.console.gate import Gate, Route
from broker.console.pages import Pages
from broker.console.visit import ROOT, Visit
from broker.dialects import DIALECTS
from broker.domain.account import Account
from broker.errors import NotFound
from broker.keyspace.pressure import Pressure
from broker.services.sql import AsyncSql
from broker.settings import Settings
from broker.storage import credit, customers
from broker.storage.credit import Change
from broker.storage.database import Sql

LIST = f"{ROOT}accounts"
PAGE = 100
CHANGES = 20
"""So many of the last changes of its credit an account's page shows."""


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
        name = visit.pieces["name"]

        def look(sql: Sql) -> tuple[Account | None, list[str], list[Change]]:
            changes = credit.latest(sql, name, limit=CHANGES)
            return customers.account(sql, name), customers.keys(sql, name), changes

        account, keys, changes = await self._sql.read(look)
        if account is None:
            raise NotFound("there is no such account")
        base = self._settings.reached_at
        ready = await self._pressure.is_seen()
        dialects = [(name, dialect.configured(self._settings).routes) for name, dialect in DIALECTS.items()]
        apis = [(name, method, base + path) for name, routes in dialects for method, path in routes]
        return await self._pages.show(
            visit, "account.html", account=account, apis=apis, ready=ready, keys=keys, changes=changes
        )
