"""The create call: check, record, answer, and see that events follow."""

import asyncio
from collections.abc import Awaitable, Mapping
from http import HTTPStatus
from typing import Any

import orjson

from broker.domain.wire import Call
from broker.simulator import checks, events
from broker.simulator.events import Sent
from broker.simulator.exchange import Ending, Reply, refusal, says
from broker.simulator.fate import Fate, Fates
from broker.simulator.faults import Faults
from broker.simulator.fetching import Fetcher
from broker.simulator.ledger import Ledger
from broker.simulator.reports import Reports

_PAGE = b"<html><head><title>Bad gateway</title></head><body><h1>Bad gateway</h1></body></html>"
_KINDS: Mapping[int, str] = {
    401: "unauthorized",
    403: "forbidden",
    429: "max-message-queue-size-exceeded",
}
_FINE = Fate()


class Carrier:
    """Take messages, and refuse or lose them as the dials say."""

    def __init__(
        self, *, application: str, ledger: Ledger, fates: Fates, reports: Reports, fetcher: Fetcher
    ) -> None:
        self._application = application
        self._ledger = ledger
        self._fates = fates
        self._reports = reports
        self._fetcher = fetcher

    def create(self, call: Call) -> Reply | Awaitable[Reply]:
        """Answer one create request."""
        if "json" not in call.headers.get("content-type", ""):
            return self._refuse(call, 415, "unsupported-content-type", "The body must be JSON.")
        body = _read(call)
        if body is None:
            return self._refuse(call, 400, "request-validation", "The body is not a JSON object.")
        problems = checks.problems_of(body, application=self._application)
        if problems:
            return self._refuse(
                call, 400, "request-validation", "Your request could not be accepted", problems
            )
        if self._fates.faults.calm and not self._ledger.journal.on_disk:
            sent = self._take(body, call.body, _FINE)
            self._report_later(sent)
            return says(sent.shown(), status=HTTPStatus.ACCEPTED)
        return self._create(body, call.body)

    def unauthorised(self, call: Call) -> Reply:
        """Refuse a create request whose credentials do not open the account."""
        return self._refuse(call, 401, "unauthorized", "The credentials were not accepted.")

    async def _create(self, body: dict[str, Any], raw: bytes) -> Reply:
        """Answer the slow way. The request is on record before any wait, as a carrier's would be."""
        fate, faults = self._fates.decide(), self._fates.faults
        sent: Sent | None = None
        if fate.taken:
            sent = self._take(body, raw, fate)
        else:
            self._ledger.note(body, raw, fate.status, fate.outcome)
        if self._ledger.journal.on_disk:
            await self._ledger.journal.settle()
        await asyncio.sleep(self._fates.latency_s())
        if sent is not None:
            await self._report(sent)
        if not fate.answered:
            return Reply(ending=Ending.DROP)
        return _fault(fate.status, faults) if sent is None else self._receipt(sent)

    def _take(self, body: Mapping[str, Any], raw: bytes, fate: Fate) -> Sent:
        sent = Sent(id=events.carrier_id(), time=events.stamp_s(), body=body)
        self._ledger.note(body, raw, HTTPStatus.ACCEPTED, fate.outcome, sent.id)
        return sent

    def _receipt(self, sent: Sent) -> Reply:
        shown = sent.shown()
        if self._fates.dice.hits(self._fates.faults.no_id):
            del shown["id"]
        return says(shown, status=HTTPStatus.ACCEPTED)

    async def _report(self, sent: Sent) -> None:
        if self._fates.faults.events_before_answer:
            await self._reports.send_now(sent)
        else:
            self._report_later(sent)

    def _report_later(self, sent: Sent) -> None:
        if sent.media and self._fates.faults.fetch_media:
            self._fetcher.start(sent, lambda fine: self._reports.plan(sent, lost=not fine))
        else:
            self._reports.plan(sent)

    def _refuse(
        self,
        call: Call,
        status: int,
        kind: str,
        description: str,
        problems: checks.Problems | None = None,
    ) -> Reply:
        self._ledger.note({}, call.body, status, f"refused {status}")
        answer: dict[str, Any] = {"type": kind, "description": description}
        if problems:
            answer["fieldErrors"] = [{"fieldName": name, "description": why} for name, why in problems]
        return says(answer, status=status)


def _read(call: Call) -> dict[str, Any] | None:
    try:
        body = orjson.loads(call.body)
    except orjson.JSONDecodeError:
        return None
    return body if isinstance(body, dict) else None


def _fault(status: int, faults: Faults) -> Reply:
    headers: dict[str, str] = {}
    if faults.retry_after_s is not None and status in {429, 503}:
        headers["Retry-After"] = f"{faults.retry_after_s:g}"
    if faults.html_errors and status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return Reply(status=status, body=_PAGE, content_type="text/html", headers=headers)
    return refusal(
        status, _KINDS.get(status, "error"), "The simulator was told to refuse this.", headers=headers
    )
