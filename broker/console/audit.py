"""The audit: who did what and when, for those who run things."""

from typing import Any
from urllib.parse import urlencode

from aiohttp import web

from broker.console.gate import Gate, Route
from broker.console.numbers import row_number
from broker.console.pages import Pages
from broker.console.visit import ROOT, Visit
from broker.domain.deed import DeedQuery
from broker.domain.operator import Role
from broker.services.audit import Audit

LIST = f"{ROOT}audit"
PAGE = 100
_FILTERS = ("operator", "action", "subject")


class AuditPage:
    """Lists deeds, the newest first. There is no form on it: nobody changes the audit."""

    def __init__(self, pages: Pages, audit: Audit) -> None:
        self._pages = pages
        self._audit = audit

    def routes(self, gate: Gate) -> list[Route]:
        """Return what leads here."""
        return gate.get(LIST, self.show, needs=Role.OPERATOR)

    async def show(self, visit: Visit) -> web.Response:
        """Answer `GET /console/audit`."""
        asked: dict[str, Any] = {name: visit.query[name] for name in _FILTERS if visit.query.get(name)}
        rows, last = await self._audit.page(
            DeedQuery(**asked, before=row_number(visit.query.get("cursor", "")) or None, limit=PAGE)
        )
        return await self._pages.show(
            visit,
            "audit.html",
            rows=rows,
            asked=asked,
            actions=await self._audit.actions(),
            older=f"{LIST}?{urlencode({**asked, 'cursor': str(last)})}" if last is not None else "",
        )
