"""Ozeki's callbacks: the account's address, whose words that begin with $ stand for values (sheet 8)."""

import re
from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import quote

import orjson

from broker.dialects.ozeki.dates import write
from broker.dialects.ozeki.naming import id_of
from broker.domain.callback import Callback, InboundMode
from broker.domain.message import Direction, PartKind
from broker.domain.status import Status
from broker.domain.wire import Request

LONGEST_MSG = 1024
_WORD = re.compile(r"\$([A-Za-z]+)")


class _Report(NamedTuple):
    code: int
    word: str


_REPORTS: Mapping[Status, _Report] = {
    Status.SUBMITTED: _Report(1, "Submitted"),
    Status.DELIVERED: _Report(3, "Delivered"),
    Status.REJECTED: _Report(6, "SubmitFailed"),
    Status.FAILED: _Report(6, "SubmitFailed"),
    Status.CANCELLED: _Report(6, "SubmitFailed"),
    Status.UNDELIVERED: _Report(7, "DeliveryFailed"),
    Status.EXPIRED: _Report(7, "DeliveryFailed"),
}
"""What is reported; a hand-off on the way, a read report and a report that never came have no word here."""


def told(callback: Callback) -> Request | None:
    """Return the request, or None where Ozeki has nothing to say: an arrival makes one call, so do four reports."""
    if callback.message.direction is Direction.OUT:
        report = _REPORTS.get(callback.status)
        if report is None:
            return None
        values = _values(callback) | {
            "status": str(report.code),
            "statusmessage": report.word,
            "reporttime": write(callback.at, callback.manner.timezone),
            "errorcode": callback.detail,
        }
    elif callback.sequence > 1:
        return None
    else:
        values = _values(callback)
    url = _WORD.sub(lambda match: _replaced(match, values), callback.url)
    if callback.message.direction is Direction.OUT or callback.manner.inbound is InboundMode.GET:
        return Request(method="GET", url=url, headers={"webhook-id": callback.id})
    address, _, form = url.partition("?")
    headers = {"webhook-id": callback.id, "Content-Type": "application/x-www-form-urlencoded"}
    return Request(method="POST", url=address, headers=headers, body=form.encode())


def _replaced(match: re.Match[str], values: Mapping[str, str]) -> str:
    """Return the value of the longest word that begins here, in any case of its letters; unknown words stay."""
    letters = match[1].lower()
    for end in range(len(letters), 0, -1):
        value = values.get(letters[:end])
        if value is not None:
            return quote(value, safe="") + match[1][end:]
    return match[0]


def _values(callback: Callback) -> dict[str, str]:
    message = callback.message
    created, operator = write(message.created_at, callback.manner.timezone), message.connection or ""
    keyword = (message.text.split() or [""])[0]
    kind = "MMS:XML" if message.is_mms else "SMS:TEXT"
    files = [part for part in message.parts if part.kind is not PartKind.LAYOUT]
    tags = orjson.dumps([{"name": tag.name, "value": tag.value} for tag in message.tags]).decode()
    message_id = id_of(message)
    return {
        "originator": message.originator,
        "recipient": message.recipient,
        "messagedata": message.text,
        "messageid": message_id,
        "messagetype": kind,
        "receivedtime": created,
        "submitdate": created,
        "senttime": created,
        "operator": operator,
        "keyword": keyword,
        "tags": tags,
        "attachment": next(
            (callback.links[part.index] for part in files if part.index in callback.links), ""
        ),
        "sender": message.originator,
        "receiver": message.recipient,
        "msg": message.text[:LONGEST_MSG],
        "id": message_id,
        "data": message.text,
        "type": kind,
    }
