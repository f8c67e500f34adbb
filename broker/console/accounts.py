"""Accounts: what each may, the addresses of its APIs, and whether they are ready."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from aiohttp import web

from broker.console.gate import Gate, Route
from broker.console.pages import Pages
from broker.console.visit import ROOT, Visit
from broker.dialects import DIALECTS
from broker.domain.account import Account
from broker.errors import NotFound
from broker.services.readiness import Readiness, unusable
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

    def __init__(self, pages: Pages, sql: AsyncSql, readiness: Readiness, settings: Settings) -> None:
        self._pages = pages
        self._sql = sql
        self._readiness = readiness
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

        def look(sql: Sql) -> tuple[Account | None, list[str], bool, list[Change]]:
            changes = credit.latest(sql, name, limit=CHANGES)
            return (
                customers.account(sql, name),
                customers.keys(sql, name),
                customers.has_password(sql, name),
                changes,
            )

        account, keys, has_password, changes = await self._sql.read(look)
        if account is None:
            raise NotFound("there is no such account")
        why_not = await self._readiness.why_not(name)
        apis = []
        for dialect, spoken in DIALECTS.items():
            never = unusable(dialect, has_password=has_password, has_keys=bool(keys))
            apis.append(
                _api(
                    dialect,
                    spoken.configured(self._settings).routes,
                    self._settings.reached_at,
                    never or why_not,
                )
            )
        return await self._pages.show(
            visit, "account.html", account=account, apis=apis, keys=keys, changes=changes
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Api:
    """One API of an account: what its customer enters as its address, all that it answers to, and why not now."""

    name: str
    prefix: str
    addresses: Mapping[str, str]
    why_not: str


def _api(name: str, routes: Sequence[tuple[str, str]], base: str, why_not: str) -> Api:
    """Return an API with its prefix: its first address up to where its operations differ."""
    methods: dict[str, list[str]] = {}
    for method, path in routes:
        methods.setdefault(base + path, []).append(method)
    first = routes[0][1].split("/")[1]
    addresses = {url: ", ".join(each) for url, each in methods.items()}
    return Api(name=name, prefix=f"{base}/{first}", addresses=addresses, why_not=why_not)
