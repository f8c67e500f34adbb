"""Delivery and read reports in MX Telecom's numbers and words (sheet mxtelecom, sections 6, 8.3)."""

import re
from collections.abc import Iterable, Mapping

from broker.dialects.mxtelecom.arrivals import Fields, digits, get
from broker.dialects.mxtelecom.stamps import write, write_local
from broker.domain.callback import Callback
from broker.domain.ids import stable_number
from broker.domain.message import Message, Reports
from broker.domain.status import Status
from broker.domain.wire import Request
from broker.errors import ConfigurationError

NUMBERS: Mapping[str, int] = {
    Status.RETRYING: 1,
    Status.UNCONFIRMED: 2,
    Status.DELIVERED: 3,
    Status.EXPIRED: 4,
    Status.REJECTED: 5,
    Status.FAILED: 5,
    Status.UNDELIVERED: 5,
    Status.CANCELLED: 5,
    Status.READ: 7,
}
"""What each status is called in reports of MMS; what is not here is not reported."""
TOLD = frozenset(Status(name) for name in NUMBERS) | {Status.SUBMITTED, Status.RELAYED}
"""The statuses that an operator may give a number."""
DELIVERED, FIRST_READ, LAST = 3, 7, 10
FINAL = frozenset({2, 3, 4, 5})
"""The numbers after which there is nothing more to say about the delivery."""

_ENTRY = re.compile(r"([a-z]+)=([1-9]|10)")
_ASKED: Mapping[int, Reports] = {
    **dict.fromkeys((1, 6), Reports.INTERMEDIATE),
    DELIVERED: Reports.SUCCESS,
    **dict.fromkeys((2, 4, 5), Reports.FAILURE),
    **dict.fromkeys(range(FIRST_READ, LAST + 1), Reports.READ),
}
_SMS_WORDS: Mapping[Status, tuple[str, Reports]] = {
    Status.RETRYING: ("BUFFERED", Reports.INTERMEDIATE),
    Status.DELIVERED: ("DELIVERED", Reports.SUCCESS),
    Status.READ: ("DELIVERED", Reports.SUCCESS),
    Status.REJECTED: ("REJECTED", Reports.FAILURE),
    Status.FAILED: ("FAILED", Reports.FAILURE),
    Status.UNDELIVERED: ("FAILED", Reports.FAILURE),
    Status.EXPIRED: ("FAILED", Reports.FAILURE),
    Status.CANCELLED: ("FAILED", Reports.FAILURE),
}
_REASONS = {"REJECTED": 0x10000000, "BUFFERED": 0x30000000}
"""The two types of reason that are documented."""
_FINAL = Reports.SUCCESS | Reports.FAILURE
_ALL = Reports.INTERMEDIATE | Reports.SUCCESS | Reports.FAILURE | Reports.READ


def read_numbers(entries: Iterable[str]) -> dict[str, int]:
    """Return the table that an operator gives as entries like `delivered=3`.

    Raises:
        ConfigurationError: one of them is not of this form, or names no status that is told.
    """
    numbers: dict[str, int] = {}
    for entry in entries:
        match = _ENTRY.fullmatch(entry)
        if match is None or match[1] not in TOLD:
            names = ", ".join(sorted(TOLD))
            raise ConfigurationError(f"{entry} does not give one of {names} its number from 1 to 10")
        numbers[match[1]] = int(match[2])
    return numbers


def reported(callback: Callback, *, numbers: Mapping[str, int], reasons: bool) -> Request | None:
    """Return the report of what became of a message, or None where nobody asked or there is no word for it."""
    message = callback.message
    # Sends of other APIs cannot ask; what they became is told as this account has chosen to be told.
    asked = Reports(message.reports) if message.dialect == "mxtelecom" else _ALL
    if message.is_mms:
        return _mms_report(callback, asked, numbers)
    return _sms_report(callback, asked, reasons=reasons)


def _mms_report(callback: Callback, asked: Reports, numbers: Mapping[str, int]) -> Request | None:
    number = numbers.get(callback.status)
    if number is None:
        return None
    if number >= FIRST_READ and Reports.READ not in asked:
        number = DELIVERED  # whoever has read it has got it
    if not _ASKED[number] & asked:
        return None
    told = (numbers.get(one, 0) for one in callback.earlier)
    if number < FIRST_READ and any(one in FINAL and _ASKED[one] & asked for one in told):
        return None
    message = callback.message
    return get(
        callback.url,
        [
            ("id", _id(callback)),
            ("requestid", _request_id(message)),
            ("to", digits(message.originator)),
            ("from", digits(message.recipient)),
            ("date", write(callback.at).encode()),
            ("type", b"2" if number >= FIRST_READ else b"1"),
            ("status", str(number).encode()),
        ],
    )


def _sms_report(callback: Callback, asked: Reports, *, reasons: bool) -> Request | None:
    word, bit = _SMS_WORDS.get(callback.status, ("", None))
    told = (_SMS_WORDS[one][1] for one in callback.earlier if one in _SMS_WORDS)
    if bit is None or not bit & asked or any(one & asked & _FINAL for one in told):
        return None
    message = callback.message
    fields: Fields = [
        ("smsfrom", digits(message.recipient)),
        ("smsmsg", b"REPORT %s %s" % (_request_id(message), word.encode())),
        ("smsto", digits(message.originator)),
        ("shortcode", digits(message.originator)),
        ("smsid", _id(callback)),
        ("smsdate", write_local(callback.at).encode()),
    ]
    if message.note:
        fields.append(("note", message.note.encode()))
    if reasons and word in _REASONS:
        fields.append(("reason", str(_REASONS[word]).encode()))
    return get(callback.url, fields)


def _id(callback: Callback) -> bytes:
    return str(stable_number(callback.id)).encode()


def _request_id(message: Message) -> bytes:
    return str(message.number or stable_number(message.id)).encode()
