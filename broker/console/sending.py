"""Send a message for an account: a form that says what would become of it, before it is sent."""

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Any
from urllib.parse import quote, urlencode

from aiohttp import web

from broker.console import as_curl
from broker.console.composing import FILES, TEXTS, body_of, draft_of, faults, recipients
from broker.console.forms import LIMIT, Form
from broker.console.gate import Gate, Route
from broker.console.messages import LIST as MESSAGES
from broker.console.pages import Pages, go_to
from broker.console.visit import ROOT, Visit
from broker.dialects.native.problem import problem
from broker.domain.ids import is_id, new_id
from broker.domain.message import Priority
from broker.domain.operator import Role
from broker.domain.value import replace
from broker.errors import AdmissionError, InvalidField, RequestError
from broker.log import get_logger
from broker.services.on_behalf import OnBehalf
from broker.services.planning import Plan, Planning, length
from broker.services.sql import AsyncSql
from broker.storage import customers

LIST = f"{ROOT}send"
SUGGESTED = 200
"""So many accounts' names are suggested; any other can be typed."""

log = get_logger()


class SendPage:
    """Sends through the door of every send, with the account's rights, limits and credit."""

    def __init__(
        self, pages: Pages, sql: AsyncSql, on_behalf: OnBehalf, planning: Planning, *, reached_at: str
    ) -> None:
        self._pages = pages
        self._sql = sql
        self._on_behalf = on_behalf
        self._planning = planning
        self._reached_at = reached_at

    def routes(self, gate: Gate) -> list[Route]:
        """Return what leads here."""
        return [
            *gate.get(LIST, self.show, needs=Role.OPERATOR),
            *gate.post(f"{LIST}/message", self.send, again=self._again),
            *gate.post(f"{LIST}/check", self.check, noted=False),
        ]

    async def show(self, visit: Visit) -> web.Response:
        """Answer `GET /console/send`."""
        number, batch = visit.query.get("taken", ""), visit.query.get("batch", "")
        done = {"taken": number, "batch": batch} if number.isdigit() and is_id(batch) else {}
        account = {"account": visit.query.get("account", "")[:64], "to": visit.query.get("to", "")[:64]}
        return await self._page(visit, Form(fields=account), done=done)

    async def check(self, visit: Visit) -> web.Response:
        """Answer `POST /console/send/check`: what would become of it; nothing is sent."""
        piece, form = "piece" in visit.query, visit.form
        try:
            draft = draft_of(form, who=visit.operator.name, now=datetime.now(UTC))
            plan: Plan | None = await self._planning.plan(form.text("account"), replace(draft, key=None))
            wrong: Mapping[str, str] = {}
        except RequestError as error:
            plan, wrong = None, faults(error, form)
        if not piece:
            return await self._page(visit, form, plan=plan, wrong=wrong)
        return await self._pages.show(visit, "send_plan.html", **self._planned(form, plan, wrong))

    async def send(self, visit: Visit) -> web.Response:
        """Answer `POST /console/send/message`."""
        form = visit.form
        if not is_id(form.text("once")):
            raise InvalidField("load the page again: this form has no name")
        draft = draft_of(form, who=visit.operator.name, now=datetime.now(UTC))
        admitted = await self._on_behalf.send(form.text("account"), draft)
        log.warning(
            "message_sent_by_operator",
            operator=visit.operator.name,
            account=form.text("account"),
            messages=len(admitted.ids),
            message_id=admitted.ids[0],
        )
        if len(admitted.ids) == 1:
            return go_to(f"{MESSAGES}/{quote(admitted.ids[0], safe='')}")
        return go_to(f"{LIST}?{urlencode({'taken': len(admitted.ids), 'batch': admitted.batch or ''})}")

    async def _again(self, visit: Visit, error: RequestError | AdmissionError) -> web.Response:
        """Return the form as it was filled in, with what is wrong; files must be chosen again."""
        wrong = faults(error, visit.form) if isinstance(error, RequestError) else {"": error.detail}
        return await self._page(visit, visit.form, wrong=wrong, status=problem(error).status)

    async def _page(
        self,
        visit: Visit,
        form: Form,
        *,
        plan: Plan | None = None,
        wrong: Mapping[str, str] | None = None,
        done: Mapping[str, str] | None = None,
        status: int = 200,
    ) -> web.Response:
        found = await self._sql.read(partial(customers.names, limit=SUGGESTED))
        once = form.text("once")
        return await self._pages.show(
            visit,
            "send.html",
            status=status,
            given={name: form.fields.get(name, "") for name in TEXTS},
            names=found,
            once=once if is_id(once) else new_id(),
            files=FILES,
            most_bytes=LIMIT,
            priorities=list(Priority),
            done=done or {},
            **self._planned(form, plan, wrong or {}),
        )

    def _planned(self, form: Form, plan: Plan | None, wrong: Mapping[str, str]) -> dict[str, Any]:
        to = recipients(form)
        commands = _commands(form, self._reached_at) if plan else []
        counted = length(form.fields.get("text", "").replace("\r\n", "\n"))
        return {"plan": plan, "wrong": wrong, "length": counted, "people": len(to), "commands": commands}


def _commands(form: Form, base: str) -> list[str]:
    body = body_of(form)
    given = {name: body[name] for name in ("text", "subject", "media", "send_at") if name in body}
    return [as_curl.command(base, to=body["to"], sender=body.get("from", ""), **given), as_curl.by_hand(body)]
