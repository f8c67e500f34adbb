"""The MX Telecom API."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import ClassVar, Self

from broker.dialects.base import (
    NOBODY,
    Admitted,
    Clock,
    Credentials,
    Dialect,
    Outcome,
    is_clean,
    offered,
    retry_after,
    utc_now,
)
from broker.dialects.mxtelecom.arrivals import pieces_of
from broker.dialects.mxtelecom.callback import TELLING, told, wants_files, was_heard, with_numbers
from broker.dialects.mxtelecom.codes import code_of, reason
from broker.dialects.mxtelecom.mms import read_mms
from broker.dialects.mxtelecom.options import Options
from broker.dialects.mxtelecom.package import pack
from broker.dialects.mxtelecom.params import Params, read_params, without
from broker.dialects.mxtelecom.reports import read_numbers
from broker.dialects.mxtelecom.retrieval import read_retrieval, retrievable_until
from broker.dialects.mxtelecom.sms import SENDER, read_sms
from broker.domain.ask import Ask, Found, Shown
from broker.domain.callback import Callback, Telling
from broker.domain.draft import Draft
from broker.domain.wire import Call, Request, Response
from broker.errors import AdmissionError, AuthenticationFailed, MissingField, NotFound, RequestError
from broker.settings import Settings

MMS_PATHS = ("/SendMMS", "/mms/v1/http/send")
RETRIEVE_PATHS = ("/RetrieveMMS", "/mms/v1/http/retrieve")
SMS_PATHS = ("/SMSSend", "/sms/v1/send")
OLDEST_PATH = "/servlets/com.wapmx.SMSServer.SMSServerSend"
TEXT_TYPE = "text/plain;charset=US-ASCII"
_METHODS = ("GET", "POST")
_SMS_NAMES = {"to": "smsto", "from": "smsfrom", "text": "smsmsg", "valid_until": "vp"}


class MxTelecomDialect(Dialect):
    """`/SendMMS`, `/SMSSend` and `/RetrieveMMS` with their later names: parameters in, bare digits or a zip out.

    A refusal is 403 and two lines.
    """

    name: ClassVar[str] = "mxtelecom"
    routes: tuple[tuple[str, str], ...]
    telling: Telling = TELLING

    def __init__(
        self, *, clock: Clock = utc_now, max_recipients: int = 50, options: Options | None = None
    ) -> None:
        super().__init__(clock=clock, max_recipients=max_recipients)
        self.options = options or Options()
        oldest = (OLDEST_PATH,) if self.options.oldest_path else ()
        paths = (*MMS_PATHS, *SMS_PATHS, *oldest)
        sends = ((method, path) for path in paths for method in _METHODS)
        self.routes = (*sends, *(("GET", path) for path in RETRIEVE_PATHS))

    def configured(self, settings: Settings) -> Self:
        """Return the dialect as the operator wants it."""
        options = Options(
            contact=settings.mx_contact,
            short_codes=settings.mx_short_codes,
            latin=settings.mx_latin,
            oldest_path=settings.mx_oldest_path,
            numbers=read_numbers(settings.mx_statuses),
            keep_s=settings.mx_retrieve_s,
            retrieve_url=f"{settings.reached_at}{RETRIEVE_PATHS[0]}" if settings.mx_retrieve_url else "",
            reasons=settings.mx_reasons,
        )
        found = type(self)(clock=self.clock, max_recipients=settings.mx_recipients, options=options)
        found.telling = with_numbers(self.telling, options.numbers)
        return found

    def needs_mms(self, call: Call) -> bool:
        """Say whether the call sends an MMS: the right to is checked before the parameters (sheet 3.2)."""
        return call.path in MMS_PATHS

    def credentials(self, call: Call) -> Credentials:
        """Return `user` and `pass`, or where neither is there an API key: HTTP Basic is not the vendor's (sheet 9)."""
        params = read_params(call)
        user, password = params.text("user"), params.text("pass")
        if not (user or password):
            key = offered(call.headers)
            return key if key is not None and key.api_key else NOBODY
        if not (user and password and is_clean(user) and is_clean(password)):
            return NOBODY
        return Credentials(user=user, password=password)

    def without_sender(self, call: Call) -> Call:
        """Return the call without `smsfrom`, which is ignored where an account's sender is fixed (sheet 8.1)."""
        return without(call, SENDER)

    def parse(self, call: Call) -> tuple[Draft | RequestError, ...] | Ask:
        """Return the one draft of the call, which may have several recipients; or the MMS that it wants to fetch.

        Raises:
            RequestError: the call cannot be used; of several reasons the one that section 3.2 checks first.
        """
        params = read_params(call)
        if call.path in RETRIEVE_PATHS:
            return read_retrieval(params)
        if call.path in MMS_PATHS:
            return (read_mms(call, params, options=self.options, most=self.max_recipients),)
        return (read_sms(params, options=self.options),)

    def answer(self, call: Call, outcomes: Sequence[Outcome]) -> Response:
        """Return the request's number, and nothing else: clients test the raw body for digits (sheet 3)."""
        (outcome,) = outcomes
        if not isinstance(outcome, Admitted):
            return self.refused(call, outcome)
        return _plain(200, str(outcome.number))

    def found(self, call: Call, found: Found) -> Response:
        """Return the zip of an MMS that arrived, until it expires."""
        assert isinstance(found, Shown)
        until = retrievable_until(found.record, self.options.keep_s)
        if until is None or until <= self.clock():
            return self.refused(call, NotFound("there is no such MMS, or it has expired", pointer="/id"))
        body = pack(pieces_of(found.record.message, found.files))
        return Response(status=200, headers={"Content-Type": "application/zip"}, body=body)

    def callback(self, callback: Callback) -> Request | None:
        """Return a report or an arrival, or None where nobody asked for it."""
        return told(callback, self.options)

    def wants_files(self, callback: Callback) -> bool:
        """Say whether an arrival brings its zip along."""
        return wants_files(callback)

    def heard(self, answer: Response) -> bool:
        """Say whether a customer has heard: only a 200 with a body says so (sheet 7)."""
        return was_heard(answer)

    def refused(self, call: Call, error: RequestError | AdmissionError) -> Response:
        """Return 403 with the reason and the code, each on its line (sheet 3)."""
        if isinstance(error, AuthenticationFailed):
            error = _absent(read_params(call)) or error
        text = reason(error, contact=self.options.contact, name=_blamed(call, error))
        return _plain(403, f"{text}\n{code_of(error):d}", retry_after(error))


def _absent(params: Params) -> MissingField | None:
    """Return the error for credentials that are not there, which are another matter than wrong ones."""
    for name in ("user", "pass"):
        if not params.raw(name):
            return MissingField("is required", pointer=f"/{name}")
    return None


def _blamed(call: Call, error: RequestError | AdmissionError) -> str:
    """Return the parameter that an error is about, by the name it has in the call."""
    if not isinstance(error, RequestError):
        return ""
    name = error.pointer.lstrip("/").partition("/")[0]
    return name if call.path in MMS_PATHS else _SMS_NAMES.get(name, name)


def _plain(status: int, text: str, more: Mapping[str, str] = MappingProxyType({})) -> Response:
    headers = {"Content-Type": TEXT_TYPE, "Cache-Control": "no-store", **more}
    return Response(status=status, headers=headers, body=text.encode("ascii", "replace"))
