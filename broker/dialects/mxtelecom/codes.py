"""Errors as MX Telecom's numbers (sheet mxtelecom, section 3.1)."""

from collections.abc import Mapping
from enum import IntEnum

from broker.errors import (
    AddressNotAllowed,
    AdmissionError,
    AuthenticationFailed,
    InvalidOriginator,
    InvalidRequest,
    MissingField,
    NoRoute,
    NotPermitted,
    OutcomeUncertain,
    OutOfCredit,
    QueueAway,
    QuotaExceeded,
    RecordsAway,
    RepeatedRecipient,
    RequestError,
    TooManyGuesses,
    Unforeseen,
    UnknownConnection,
)

DETAIL_LIMIT = 160


class Code(IntEnum):
    """The codes that are served; the vendor's list has no 7, 16 and 17."""

    CONFIGURATION = 1
    TRY_AGAIN = 2
    CORE = 3
    MISSING = 4
    INVALID = 5
    DATABASE = 6
    CREDENTIALS = 8
    DAY = 9
    MONTH = 10
    NO_MMS = 11
    ADDRESS = 12
    INTERNAL = 13
    DUPLICATE = 14
    CREDIT = 15
    SENDER = 18


_TEXTS: Mapping[Code, str] = {
    Code.CONFIGURATION: "Configuration error on the gateway, please contact {contact}",
    Code.TRY_AGAIN: "Error while handling the request, please try again",
    Code.CORE: "The core of the gateway cannot be reached, please try again",
    Code.MISSING: "Missing parameter: {about}",
    Code.INVALID: "Invalid parameter: {about}",
    Code.DATABASE: "Database error, please contact {contact}",
    Code.CREDENTIALS: "Username/Password incorrect",
    Code.DAY: "Daily limit of requests reached",
    Code.MONTH: "Monthly limit of requests reached",
    Code.NO_MMS: "MMS is not permitted for this user",
    Code.ADDRESS: "Requests from this IP address are not permitted",
    Code.INTERNAL: "Internal error, please contact {contact}",
    Code.DUPLICATE: "The same destination is there twice",
    Code.CREDIT: "Not enough credit",
    Code.SENDER: "Invalid sender",
}
_UNCERTAIN = "The core of the gateway did not answer, the message may have been accepted"
"""Said with the code of a core that is away, where trying again may send twice."""
_CODES: Mapping[type[RequestError | AdmissionError], Code] = {
    AuthenticationFailed: Code.CREDENTIALS,
    TooManyGuesses: Code.TRY_AGAIN,  # it may be right
    AddressNotAllowed: Code.ADDRESS,
    NotPermitted: Code.NO_MMS,
    MissingField: Code.MISSING,
    InvalidOriginator: Code.SENDER,
    RepeatedRecipient: Code.DUPLICATE,
    OutOfCredit: Code.CREDIT,
    NoRoute: Code.CONFIGURATION,
    UnknownConnection: Code.CONFIGURATION,
    RequestError: Code.INVALID,
    QueueAway: Code.CORE,
    OutcomeUncertain: Code.CORE,
    RecordsAway: Code.DATABASE,
    Unforeseen: Code.INTERNAL,
    AdmissionError: Code.TRY_AGAIN,
}
_ORDER = (Code.MISSING, Code.SENDER, Code.INVALID, Code.DUPLICATE)


def code_of(error: RequestError | AdmissionError) -> Code:
    """Return the number of an error; of several the one that is checked first (section 3.2)."""
    if isinstance(error, QuotaExceeded):
        return Code.DAY if error.period == "day" else Code.MONTH
    if isinstance(error, InvalidRequest):
        found = {code_of(one) for one in error.errors}
        return next((code for code in _ORDER if code in found), Code.INVALID)
    return next(_CODES[base] for base in type(error).__mro__ if base in _CODES)


def reason(error: RequestError | AdmissionError, *, contact: str, name: str) -> str:
    """Return what to say of an error, on one line of ASCII; `name` is that of the parameter to blame."""
    code = code_of(error)
    about = name or "request"
    if code is Code.INVALID:
        about = f"{about}: {error.detail}" if isinstance(error, RequestError) else about
    said = _UNCERTAIN if code is Code.CORE and isinstance(error, OutcomeUncertain) else _TEXTS[code]
    text = said.format(contact=contact, about=about[:DETAIL_LIMIT])
    return "".join(char if " " <= char <= "~" else "?" for char in text)
