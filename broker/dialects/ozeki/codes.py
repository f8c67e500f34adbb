"""Errors in Ozeki's words (sheet 3.4 with 5.3)."""

from collections.abc import Mapping
from typing import NamedTuple

from broker.dialects.ozeki.attachments import POINTER as ATTACHMENTS
from broker.dialects.ozeki.reading import TooManyMessages
from broker.domain.account import NoSuchAccount
from broker.domain.operator import ForAdministrators
from broker.domain.optout import OptedOut
from broker.errors import (
    AddressNotAllowed,
    AdmissionError,
    AttachmentUnavailable,
    AuthenticationFailed,
    ContentTooLarge,
    InvalidField,
    InvalidOriginator,
    InvalidRecipient,
    InvalidRequest,
    KeyReused,
    MissingField,
    NoRoute,
    NotFound,
    NotPermitted,
    OutcomeUncertain,
    OutOfCredit,
    QuotaExceeded,
    RequestError,
    TooManyGuesses,
    UnknownAction,
    UnknownConnection,
    UnsupportedType,
    ValidityOver,
)

ACCEPTED_TEXT = "Message accepted for delivery"
VALUE_LIMIT = 64
_NAMES = {"callback_url": "reporturl"}
"""What parameters are called here that have another name in a draft."""
_MEDIA_POINTERS = (ATTACHMENTS, "/media")


class Fault(NamedTuple):
    """What goes wrong, for all forms of answer: `code` and `text` of 3.4, HTTP status and `word` of 5.3."""

    code: int
    text: str
    http: int
    word: str


_TABLE: Mapping[type[RequestError], Fault] = {
    AuthenticationFailed: Fault(100, "Authentication failed", 401, "AUTH_FAILED"),
    AddressNotAllowed: Fault(100, "Authentication failed", 403, "AUTH_FAILED"),
    NotPermitted: Fault(103, "Unsupported message type: MMS", 403, "FORBIDDEN"),
    MissingField: Fault(101, "Missing parameter: {name}", 400, "BAD_REQUEST"),
    OptedOut: Fault(102, "Recipient has opted out: {value}", 400, "BAD_REQUEST"),
    InvalidRecipient: Fault(102, "Invalid recipient: {value}", 400, "BAD_REQUEST"),
    UnsupportedType: Fault(103, "Unsupported message type: {value}", 400, "BAD_REQUEST"),
    AttachmentUnavailable: Fault(105, "Attachment not available: {value}", 400, "BAD_REQUEST"),
    UnknownAction: Fault(106, "Unknown action: {value}", 400, "UNKNOWN_ACTION"),
    OutOfCredit: Fault(107, "Not enough credits", 402, "NO_CREDIT"),
    # Not 100: a client may give its message up for good on a password that is wrong, and this one may be right.
    TooManyGuesses: Fault(108, "Rate limit exceeded", 429, "RATE_LIMIT"),
    QuotaExceeded: Fault(108, "Rate limit exceeded", 429, "RATE_LIMIT"),
    ValidityOver: Fault(109, "Validity period expired", 400, "BAD_REQUEST"),
    UnknownConnection: Fault(110, "Unknown service provider: {value}", 400, "BAD_REQUEST"),
    NoRoute: Fault(110, "Unknown service provider: {value}", 400, "BAD_REQUEST"),
    TooManyMessages: Fault(111, "Too many messages", 400, "BAD_REQUEST"),
    NotFound: Fault(112, "Message not found", 404, "NOT_FOUND"),
    # The sheet's list ends at 112; these have no number there.
    InvalidOriginator: Fault(113, "Invalid originator: {value}", 400, "BAD_REQUEST"),
    InvalidField: Fault(114, "Invalid parameter: {name}", 400, "BAD_REQUEST"),
    ForAdministrators: Fault(116, "Not permitted", 403, "FORBIDDEN"),
    NoSuchAccount: Fault(117, "User not found", 404, "NOT_FOUND"),
    KeyReused: Fault(115, "Message id used before with other content", 409, "CONFLICT"),
}
_BAD_DATA = Fault(104, "Invalid message data", 400, "BAD_REQUEST")
_TOO_LARGE = Fault(104, "Invalid message data", 413, "TOO_LARGE")
_BAD_ATTACHMENT = _TABLE[AttachmentUnavailable]
_BUSY = Fault(199, "Internal error", 503, "UNAVAILABLE")
_UNCERTAIN = Fault(199, "Internal error", 503, "OUTCOME_UNKNOWN")


def fault(error: RequestError | AdmissionError) -> Fault:
    """Return what to say of an error."""
    if isinstance(error, AdmissionError):
        return _UNCERTAIN if isinstance(error, OutcomeUncertain) else _BUSY
    if isinstance(error, InvalidRequest) and error.errors:
        return fault(error.errors[0])
    found = _found(error)
    name = error.pointer.lstrip("/").partition("/")[0]
    name = _NAMES.get(name, name)
    shown = error.value or (error.pointer.lstrip("/") if found is _BAD_ATTACHMENT else "")
    return found._replace(text=found.text.format(name=_short(name), value=_short(shown)))


def _found(error: RequestError) -> Fault:
    if isinstance(error, UnsupportedType | ContentTooLarge) and error.pointer.startswith(_MEDIA_POINTERS):
        return _BAD_ATTACHMENT
    if isinstance(error, ContentTooLarge) and not error.pointer:
        return _TOO_LARGE
    return next((_TABLE[base] for base in type(error).__mro__ if base in _TABLE), _BAD_DATA)


def writable(text: str) -> str:
    """Return a text that any answer can hold: what could not be decoded becomes question marks."""
    return text.encode(errors="replace").decode()


def _short(value: str) -> str:
    value = writable(value)
    return value if len(value) <= VALUE_LIMIT else value[:VALUE_LIMIT] + "…"
