"""What operators may look at through the API as in the console: the audit, stored attachments, settings."""

import os
from dataclasses import asdict
from functools import partial

from aiohttp import web

from broker.dialects.native.dialect import credentials_of
from broker.dialects.native.insight import audited, configured, filed, parse_audit_query, parse_file_query
from broker.domain.operator import Role
from broker.domain.wire import Call
from broker.ingress.answers import to_web
from broker.ingress.calls import head
from broker.ingress.router import Router
from broker.services.audit import Audit
from broker.services.configuration import configuration, versions
from broker.services.signin import SignIn
from broker.services.sql import AsyncSql
from broker.settings import Settings
from broker.storage import attachments


class InsightDesk:
    """Answers people who run the broker; each signs in with every request."""

    def __init__(self, sign_in: SignIn, audit: Audit, sql: AsyncSql, settings: Settings) -> None:
        self._sign_in = sign_in
        self._audit = audit
        self._sql = sql
        self._settings = settings

    def add_to(self, router: Router) -> None:
        """Serve the paths."""
        router.add("GET", "/v1/operators/audit", self.audit)
        router.add("GET", "/v1/operators/attachments", self.attachments)
        router.add("GET", "/v1/operators/settings", self.settings)

    async def audit(self, request: web.BaseRequest) -> web.Response:
        """Answer `GET /v1/operators/audit`."""
        call = await self._asked(request, Role.OPERATOR)
        return to_web(audited(*await self._audit.page(parse_audit_query(call))))

    async def attachments(self, request: web.BaseRequest) -> web.Response:
        """Answer `GET /v1/operators/attachments`."""
        call = await self._asked(request, Role.VIEWER)
        found = await self._sql.read(partial(attachments.page, search=parse_file_query(call)))
        return to_web(filed(found))

    async def settings(self, request: web.BaseRequest) -> web.Response:
        """Answer `GET /v1/operators/settings`."""
        await self._asked(request, Role.OPERATOR)
        rows = [asdict(one) for one in configuration(self._settings, os.environ)]
        return to_web(configured(rows, versions()))

    async def _asked(self, request: web.BaseRequest, needs: Role) -> Call:
        call = head(request)
        await self._sign_in.operator(credentials_of(call.headers), needs=needs, peer=call.peer)
        return call
