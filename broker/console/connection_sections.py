"""What else there is to know of a connection: its health, its errors, what leads to it, its settings, its audit."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from urllib.parse import quote, urlencode

from aiohttp import web

from broker.console.connections import LIST
from broker.console.gate import Gate, Route
from broker.console.messages import LIST as MESSAGES
from broker.console.messages import NO_CAUSE
from broker.console.numbers import row_number
from broker.console.pages import Pages
from broker.console.visit import Visit
from broker.domain.deed import DeedQuery
from broker.domain.operator import Role
from broker.errors import NotFound
from broker.services.audit import Audit
from broker.services.carrying import Carrying, Link
from broker.services.failing import Failing
from broker.services.health import HealthOf
from broker.services.logbook import Known
from broker.services.particulars import particulars
from broker.services.sql import AsyncSql
from broker.settings import Settings
from broker.storage import leading, webhooks

PAGE = 50
MOST_WAYS = 500
WINDOWS: Mapping[str, timedelta] = {
    "1h": timedelta(hours=1),
    "24h": timedelta(days=1),
    "7d": timedelta(days=7),
}
DEFAULT = "24h"
KINDS = ("connections", "webhooks")
"""First words of what is done to connections: accounts may have the same names."""

Fill = Callable[[Visit, Link], Awaitable[dict[str, Any]]]


class ConnectionSections:
    """Shows one side of a connection each, all under its name and state."""

    def __init__(
        self,
        pages: Pages,
        carrying: Carrying,
        *,
        sql: AsyncSql,
        audit: Audit,
        health: HealthOf,
        known: Known,
        settings: Settings,
    ) -> None:
        self._pages = pages
        self._carrying = carrying
        self._sql = sql
        self._failing = Failing(sql)
        self._audit = audit
        self._health = health
        self._known = known
        self._settings = settings

    def routes(self, gate: Gate) -> list[Route]:
        """Return what leads here."""
        sections: tuple[tuple[str, Fill, Role], ...] = (
            ("health", self.health, Role.VIEWER),
            ("errors", self.errors, Role.VIEWER),
            ("routes", self.ways, Role.VIEWER),
            ("webhook-urls", self.addresses, Role.VIEWER),
            ("config", self.config, Role.VIEWER),
            ("audit", self.audit, Role.OPERATOR),
        )
        one = f"{LIST}/{{name}}"
        return [
            route
            for section, fill, needs in sections
            for route in gate.get(f"{one}/{section}", partial(self._show, section, fill), needs=needs)
        ]

    async def _show(self, section: str, fill: Fill, visit: Visit) -> web.Response:
        link = await self._carrying.one(visit.pieces["name"])
        values = await fill(visit, link)
        template = f"connection_{section.replace('-', '_')}.html"
        return await self._pages.show(visit, template, link=link, section=section, **values)

    async def health(self, visit: Visit, link: Link) -> dict[str, Any]:  # noqa: ARG002
        """Fill `GET /console/connections/{name}/health`."""
        return {"health": await self._health.of(link.name)}

    async def errors(self, visit: Visit, link: Link) -> dict[str, Any]:
        """Fill `GET /console/connections/{name}/errors`."""
        asked = visit.query.get("window", DEFAULT)
        window = asked if asked in WINDOWS else DEFAULT
        wrongs = await self._failing.look(link.name, WINDOWS[window])
        causes = [(*one, _ended(link.name, one[0], one[1], wrongs.since)) for one in wrongs.causes]
        return {"window": window, "windows": list(WINDOWS), "failures": wrongs.failures, "causes": causes}

    async def ways(self, visit: Visit, link: Link) -> dict[str, Any]:  # noqa: ARG002
        """Fill `GET /console/connections/{name}/routes`."""
        ways = await self._sql.read(partial(leading.ways, name=link.name))
        arrivals = await self._sql.read(partial(leading.arrivals, name=link.name))
        return {
            "ways": ways[:MOST_WAYS],
            "arrivals": arrivals[:MOST_WAYS],
            "more": len(ways) - MOST_WAYS,
            "more_arrivals": len(arrivals) - MOST_WAYS,
        }

    async def addresses(self, visit: Visit, link: Link) -> dict[str, Any]:  # noqa: ARG002
        """Fill `GET /console/connections/{name}/webhook-urls`."""
        config = self._provider(link.name).connection.config
        newest = await self._sql.read(partial(webhooks.newest, name=link.name, before=None, limit=1))
        url = f"{self._settings.reached_at}/webhooks/{quote(link.name, safe='')}"
        return {
            "url": url,
            "user": str(config.get("webhook_username") or ""),
            "secret": bool(config.get("webhook_password")),
            "safe": url.startswith("https://"),
            "known": bool(self._settings.public_url),
            "newest": newest[0] if newest else None,
        }

    async def config(self, visit: Visit, link: Link) -> dict[str, Any]:  # noqa: ARG002
        """Fill `GET /console/connections/{name}/config`."""
        return {"rows": particulars(self._provider(link.name))}

    async def audit(self, visit: Visit, link: Link) -> dict[str, Any]:
        """Fill `GET /console/connections/{name}/audit`."""
        before = row_number(visit.query.get("cursor", "")) or None
        query = DeedQuery(subject=link.name, kinds=KINDS, before=before, limit=PAGE)
        rows, last = await self._audit.page(query)
        older = f"{visit.request.path}?{urlencode({'cursor': last})}" if last is not None else ""
        return {"rows": rows, "older": older}

    def _provider(self, name: str) -> Any:
        found = self._known().get(name)
        if found is None:
            raise NotFound("this connection cannot be used as it is provisioned, or was not read yet")
        return found


def _ended(name: str, status: str, cause: str, since: datetime) -> str:
    """Return the address of the messages that ended badly in one way."""
    filters = {"connection": name, "status": status, "cause": cause or NO_CAUSE}
    return f"{MESSAGES}?{urlencode({**filters, 'since': since.strftime('%Y-%m-%dT%H:%M:%S')})}"
