"""Bandwidth's webhooks, read into news."""

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import orjson

from broker.domain.address import mask_within, with_plus
from broker.domain.event import Inbound, News, Report, Unread
from broker.domain.status import Event
from broker.errors import Unreadable
from broker.providers.bandwidth.codes import CODES, describe, event_of, is_opt_out
from broker.providers.bandwidth.tag import Echo, read_tag

LONGEST_ID = 64
_LONGEST_URL = 4096
_LONGEST_WORDS = 200
_NO_DIGIT = re.compile(r"[^0-9]")

_PROGRESS: Mapping[str, Event] = {
    "message-sending": Event.HAND_OFF,
    "message-sent": Event.HAND_OFF,
    "message-read": Event.OPEN,
}


def read_events(body: bytes, *, now: datetime, mms_receipts: bool) -> list[News]:
    """Return the news in a webhook's array of events, or in a single event.

    `now` dates events without a readable time. Without `mms_receipts`, a delivered MMS only reached the carrier.

    Raises:
        Unreadable: it is not JSON, or neither array nor object.
    """
    value = _load(body)
    if isinstance(value, dict):
        value = [value]
    if not isinstance(value, list):
        raise Unreadable("the body is neither an array nor an object")
    return [_read(element, now=now, mms_receipts=mms_receipts) for element in value]


def _load(body: bytes) -> object:
    """Parse JSON; what phones break in a text (bad UTF-8, half an emoji) must not cost us the message."""
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        pass
    try:
        loose = json.dumps(json.loads(body.decode(errors="replace")), ensure_ascii=False)
        return orjson.loads(loose.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace"))
    except (ValueError, RecursionError) as error:
        raise Unreadable("the body is not JSON") from error


def _read(element: object, *, now: datetime, mms_receipts: bool) -> News:
    if not isinstance(element, dict):
        return Unread(kind="not an object")
    kind = element.get("type")
    if not isinstance(kind, str) or not kind:
        return Unread(kind="without type")
    message = element.get("message")
    reference = _string(message, "id") if isinstance(message, dict) else ""
    if not isinstance(message, dict) or not 0 < len(reference) <= LONGEST_ID:
        return Unread(kind=f"{kind[:64]} without message id")
    if kind == "message-received":
        return _inbound(element, message, now=now)
    event = _event(kind, element, message, mms_receipts=mms_receipts)
    return Unread(kind=kind[:64]) if event is None else _report(event, element, message, now=now)


def _event(
    kind: str, element: Mapping[str, Any], message: Mapping[str, Any], *, mms_receipts: bool
) -> Event | None:
    """Return what an event of this type means, or None for a type we do not know."""
    if kind == "message-failed":
        return event_of(_code(element))
    if kind == "message-delivered":
        return Event.DELIVER if mms_receipts or _is_sms(element, message) else Event.HAND_OFF
    return _PROGRESS.get(kind)


def _is_sms(element: Mapping[str, Any], message: Mapping[str, Any]) -> bool:
    """Say whether this is certainly no MMS: by the event's own words first, then by our tag, which marks every MMS."""
    channel = message.get("channel")
    if channel in ("SMS", "MMS"):
        return bool(channel == "SMS")
    recipients = message.get("to")
    if message.get("media") or (isinstance(recipients, list) and len(recipients) > 1):
        return False
    echo = read_tag(message.get("tag"))
    return not echo.is_mms if echo.message_id else _string(element, "description") == "ok"


def _report(event: Event, element: Mapping[str, Any], message: Mapping[str, Any], *, now: datetime) -> Report:
    echo = read_tag(message.get("tag"))
    reference = _string(message, "id")
    recipient = _recipient(element, message)
    code = _code(element)
    read_at = element.get("eventTime") if event is Event.OPEN else None
    return Report(
        event=event,
        at=_time(read_at, element.get("time"), message.get("time"), now=now),
        key=_key(element["type"], reference, recipient, code, echo),
        message_id=echo.message_id,
        attempt=echo.attempt,
        provider_ref=reference,
        recipient=recipient or None,
        code="" if code is None else str(code),
        detail=_detail(element, code),
        opted_out=event is Event.MISS and is_opt_out(code),
    )


def _key(kind: str, reference: str, recipient: str, code: int | None, echo: Echo) -> str:
    """Return what repeats of the same news have in common."""
    key = f"{kind}:{reference}:{_NO_DIGIT.sub('', recipient)}:{'' if code is None else code}"
    return key if echo.message_id is None else f"{key}:{echo.message_id}.{echo.attempt or ''}"


def _detail(element: Mapping[str, Any], code: int | None) -> str:
    """Return a line for the record: ours for a code we know, else the carrier's own."""
    if code is not None and code in CODES:
        return describe(code)
    if element["type"] != "message-failed":
        return ""
    words = mask_within(_string(element, "description"))[:_LONGEST_WORDS]
    return words if code is None else f"{words} ({describe(code)})"


def _inbound(element: Mapping[str, Any], message: Mapping[str, Any], *, now: datetime) -> News:
    owner = with_plus(_string(message, "owner") or _recipient(element, message))
    originator = with_plus(_string(message, "from"))
    if not owner or not originator:
        return Unread(kind="message-received without numbers")
    reference = _string(message, "id")
    segments = message.get("segmentCount")
    everybody = dict.fromkeys(with_plus(number) for number in _strings(message.get("to")))
    return Inbound(
        provider_ref=reference,
        originator=originator,
        recipient=owner,
        at=_time(element.get("time"), message.get("time"), now=now),
        key=f"message-received:{reference}:{_NO_DIGIT.sub('', owner)}",
        text=_string(message, "text"),
        media=tuple(url for url in _strings(message.get("media")) if len(url) <= _LONGEST_URL),
        others=tuple(number for number in everybody if number != owner),
        segments=segments if isinstance(segments, int) and segments > 0 else 1,
    )


def _recipient(element: Mapping[str, Any], message: Mapping[str, Any]) -> str:
    """Return whom an event is about: its own `to`, else the message's only one."""
    own = _strings(element.get("to")) or _strings(message.get("to"))
    return with_plus(own[0]) if len(own) == 1 else ""


def _code(element: Mapping[str, Any]) -> int | None:
    value = element.get("errorCode")
    if isinstance(value, str) and value.isascii() and value.isdigit():
        value = int(value[:9])
    return value if isinstance(value, int) and value > 0 and not isinstance(value, bool) else None


def _string(source: Mapping[str, Any], key: str) -> str:
    """Return a text without the NULs that no database takes; empty for anything that is no text."""
    value = source.get(key)
    return value.replace("\0", "") if isinstance(value, str) else ""


def _strings(value: object) -> list[str]:
    """Return the texts in a list, or a bare one as a list."""
    values = value if isinstance(value, list) else [value]
    return [text for text in values if isinstance(text, str) and text]


def _time(*candidates: object, now: datetime) -> datetime:
    """Return the first that can be read as a time, with or without milliseconds."""
    for candidate in candidates:
        try:
            at = datetime.fromisoformat(candidate) if isinstance(candidate, str) else None
            if at is not None:
                return at.replace(tzinfo=at.tzinfo or UTC).astimezone(UTC)
        except (ValueError, OverflowError):
            continue
    return now
