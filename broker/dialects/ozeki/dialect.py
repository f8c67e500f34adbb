"""The Ozeki API."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import ClassVar, NamedTuple, Self

from broker.dialects.base import (
    NOBODY,
    Admitted,
    Credentials,
    Dialect,
    Outcome,
    is_clean,
    offered,
    retry_after,
)
from broker.dialects.ozeki import envelope
from broker.dialects.ozeki.asking import ASKS, CREDITS, read_ask
from broker.dialects.ozeki.callback import told
from broker.dialects.ozeki.codes import ACCEPTED_TEXT, fault, writable
from broker.dialects.ozeki.drafts import own_id, read_draft
from broker.dialects.ozeki.finding import JSON_FORMAT, answer_found
from broker.dialects.ozeki.naming import short_id
from broker.dialects.ozeki.params import last_action, read_params
from broker.dialects.ozeki.reading import PER_MESSAGE, SEND, Item, Reading, Style, read, read_json, style_of
from broker.dialects.ozeki.replies import read_replies
from broker.dialects.ozeki.reports import DOCTYPE, AcceptReport, classic, xml
from broker.dialects.ozeki.showing import failed
from broker.domain.ask import Ask, Found
from broker.domain.callback import Callback, Telling
from broker.domain.draft import Draft
from broker.domain.value import replace
from broker.domain.wire import Call, Request, Response
from broker.errors import AdmissionError, InvalidField, QuotaExceeded, RequestError, UnknownAction
from broker.settings import Settings

PATH = "/api"
OLDER_PATHS = ("/httpapi", "/ozeki")
FIELDS_OF_A_CALL = 20
"""Room for what a call says once, beside what it says of each message."""


class OzekiDialect(Dialect):
    """`/api` in three forms: classic parameters (A), the vendor's JSON libraries (B), a JSON body with an action (C).

    Every message for every recipient is an independent draft, so one that is wrong does not stop the others.
    """

    name: ClassVar[str] = "ozeki"
    routes: tuple[tuple[str, str], ...] = (("GET", PATH), ("POST", PATH))
    older_routes: ClassVar[tuple[tuple[str, str], ...]] = tuple(
        (method, path) for path in OLDER_PATHS for method in ("GET", "POST")
    )
    lone_error_is_whole: ClassVar[bool] = False
    telling: Telling = Telling(waits_s=(10, 30, 60, 300))
    doctype: str = ""
    short_ids: bool = False

    def configured(self, settings: Settings) -> Self:
        """Return the dialect, at the older paths too where that is set."""
        found = super().configured(settings)
        found.most_fields = len(PER_MESSAGE) * found.max_recipients + FIELDS_OF_A_CALL
        found.doctype = DOCTYPE if settings.ozeki_doctype else ""
        found.short_ids = settings.ozeki_short_ids
        if settings.ozeki_aliases:
            found.routes = tuple(
                (method, path) for path in (PATH, *OLDER_PATHS) for method in ("GET", "POST")
            )
        return found

    def is_administrative(self, call: Call) -> bool:
        """Say whether it is about credit."""
        return _params(call).get("action") in CREDITS

    def credentials(self, call: Call) -> Credentials:
        """Return the parameters `username` and `password`, else the header's, else those keys of the JSON body.

        Sheet 1.2; an API key in the header is an offer of ours.
        """
        found = _named_credentials(_params(call)) or offered(call.headers)
        if found or not call.body:
            return found or NOBODY
        try:
            return _named_credentials(read_json(call.body)) or NOBODY
        except RequestError:
            return NOBODY

    def parse(self, call: Call) -> tuple[Draft | RequestError, ...] | Ask:
        """Return a draft or an error for each message and recipient, in order; or what the call asks for.

        Raises:
            RequestError: the call has an action we do not know, cannot be read, or holds too many messages.
        """
        try:
            reading, now = read(call, self.max_recipients), self.clock()
        except UnknownAction:
            ask = read_ask(call)
            if ask is None:
                raise
            return ask
        drafts = tuple(_draft_or_error(item, reading.style, now) for item in reading.items)
        return tuple(_called(draft) for draft in drafts) if self.short_ids else drafts

    def answer(self, call: Call, outcomes: Sequence[Outcome]) -> Response:
        """Return what became of each message, in the form of the call."""
        reading = read(call, self.max_recipients)
        rows = [_Row.of(item, outcome) for item, outcome in zip(reading.items, outcomes, strict=True)]
        if reading.style is Style.BODY:
            return _unstored(call, _body_answer(rows, len(rows)))
        # Who comes too often or too early is told so of the whole call, where every message met the same.
        refusals = [row.outcome for row in rows if isinstance(row.outcome, AdmissionError | QuotaExceeded)]
        later = refusals[0] if len(refusals) == len(rows) else None
        if reading.style is Style.CLASSIC:
            response = _classic_answer(reading, rows, self.doctype)
            if later is not None:
                response = replace(response, headers={**response.headers, **retry_after(later)})
            return _unstored(call, response)
        if later is not None:
            return self.refused(call, later)
        return _unstored(call, self._library_answer(call, rows))

    def found(self, call: Call, found: Found) -> Response:
        """Return what a call asked for (sheet 3.6, 3.7 and 5.3).

        Raises:
            NotFound: there was nothing to do it with.
        """
        return _unstored(call, answer_found(call, found))

    def callback(self, callback: Callback) -> Request | None:
        """Return a GET of the account's address with its words replaced (sheet 8)."""
        return told(callback)

    def replies(self, callback: Callback, answer: Response) -> tuple[Draft | RequestError, ...]:
        """Return the messages in an answer to an arrival (sheet 8.2)."""
        return read_replies(callback, answer, self.clock())

    def refused(self, call: Call, error: RequestError | AdmissionError) -> Response:
        """Return the answer to a call that is refused as a whole: 200 in the classic form (sheet 3.4), else as 5.3."""
        found, params = fault(error), _params(call)
        if style_of(call) is not Style.CLASSIC:
            return _unstored(call, envelope.failure(found, headers=retry_after(error)))
        if params.get("responseformat", "").lower() == JSON_FORMAT:
            return _unstored(call, envelope.failure(found, http=200, headers=retry_after(error)))
        action = params.get("action", "")
        if action in ASKS:
            response = xml(failed(action, found.code, found.text))
            return _unstored(call, replace(response, headers={**response.headers, **retry_after(error)}))
        action = error.value[:64] if isinstance(error, UnknownAction) else SEND
        report = AcceptReport(code=found.code, text=found.text, recipient="")
        response = classic(action, [report], params, doctype=self.doctype)
        return _unstored(call, replace(response, headers={**response.headers, **retry_after(error)}))

    def _library_answer(self, call: Call, rows: Sequence["_Row"]) -> Response:
        user, now = self.credentials(call).user or "", self.clock()
        return envelope.queued(
            [
                envelope.long_message(row.report_of_client(), row.item.fields, row.draft, user=user, now=now)
                for row in rows
            ]
        )


class _Row(NamedTuple):
    """One message of the call beside what became of it."""

    item: Item
    outcome: Outcome
    report: AcceptReport

    @classmethod
    def of(cls, item: Item, outcome: Outcome) -> "_Row":
        recipient = writable(item.recipient)
        if isinstance(outcome, Admitted):
            named = outcome.draft.reference or outcome.ids[0]
            report = AcceptReport(code=0, text=ACCEPTED_TEXT, recipient=recipient, message_id=named)
        else:
            found = fault(outcome)
            report = AcceptReport(code=found.code, text=found.text, recipient=recipient)
        return cls(item, outcome, report)

    @property
    def draft(self) -> Draft | None:
        return self.outcome.draft if isinstance(self.outcome, Admitted) else None

    def report_of_client(self) -> AcceptReport:
        """Return the report with the client's own id, where it gave one that can be said again."""
        try:
            own = own_id(self.item.fields)
        except InvalidField:
            own = ""
        return self.report if own is None else replace(self.report, message_id=own)


def _draft_or_error(item: Item, style: Style, now: datetime) -> Draft | RequestError:
    try:
        return read_draft(item, style, now)
    except RequestError as error:
        return error


def _called(draft: Draft | RequestError) -> Draft | RequestError:
    """Return a draft with a short id, by which its customer can find it, where the customer gave it none."""
    if not isinstance(draft, Draft) or draft.reference is not None:
        return draft
    named = short_id()
    return replace(draft, reference=named, key=named, digest=named)


def _classic_answer(reading: Reading, rows: Sequence[_Row], doctype: str) -> Response:
    most = reading.params.get("maxresponse", "")
    shown = int(most) if most.isascii() and most.isdigit() and len(most) < 10 else len(rows)  # noqa: PLR2004
    if reading.params.get("responseformat", "").lower() == JSON_FORMAT:
        return _body_answer(rows, shown, http=200)
    return classic(SEND, [row.report for row in rows[:shown]], reading.params, doctype=doctype)


def _body_answer(rows: Sequence[_Row], shown: int, http: int | None = None) -> Response:
    """Say what became of the whole call, with the first `shown` messages."""
    messages = [envelope.short_message(row.report, row.draft) for row in rows]
    taken = next((row.report.message_id for row in rows if row.draft), None)
    if taken is not None:
        return envelope.accepted(messages, taken, shown=shown)
    first = rows[0].outcome
    assert not isinstance(first, Admitted)
    found = fault(first)
    headers = retry_after(first)
    return envelope.none_accepted(messages, found, shown=shown, http=http or found.http, headers=headers)


def _params(call: Call) -> Mapping[str, str]:
    try:
        return read_params(call)
    except InvalidField:
        found = {name.lower(): value for name, value in (*call.query, *call.form) if value}
        return {**found, "action": last_action(found.get("action", ""))}


def _named_credentials(values: Mapping[str, object]) -> Credentials | None:
    user, password = values.get("username"), values.get("password")
    if not (isinstance(user, str) and isinstance(password, str) and is_clean(user) and is_clean(password)):
        return None
    return Credentials(user=user, password=password)


def _unstored(call: Call, response: Response) -> Response:
    if call.method != "GET" or "Cache-Control" in response.headers:
        return response
    headers = {**response.headers, "Cache-Control": "no-store"}
    return Response(status=response.status, headers=headers, body=response.body)
