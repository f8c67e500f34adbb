"""One message of an Ozeki request into a draft."""

import hashlib
import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import orjson

from broker.dialects.base import KEY_LIMIT, has_controls, is_clean
from broker.dialects.ozeki.content import PERSONAL, Content, from_object, from_text, from_xml
from broker.dialects.ozeki.dates import read_leniently, read_times
from broker.dialects.ozeki.reading import Item, Style
from broker.dialects.ozeki.tags import read_tags
from broker.domain.draft import Draft
from broker.domain.message import Priority, Tag
from broker.errors import InvalidField, InvalidRecipient, MissingField, UnsupportedType

VALIDITY_S = 7 * 24 * 3600
ADDRESS_LIMIT = 64
URL_LIMIT = 2048
CLASS = "messageclass"
"""The tag that keeps the class of an MMS that is not personal."""
AT_ONCE = timedelta(seconds=2)
_SMS = re.compile(r"SMS:TEXT(?::GSM7BIT|:UCS2)?(?::CLASS([0-3]))?")
_MMS = ("MMS:XML", "MMS")
_PRIORITIES = {"": Priority.NORMAL, "normal": Priority.NORMAL, "low": Priority.NORMAL, "high": Priority.HIGH}
_LOOKS_LIKE_XML = ("<mms", "<?xml")
_VOLATILE = ("create_date", "valid_until", "vaild_date", "time_to_send", "status")
"""What the vendor's clients fill in anew when they repeat a message."""


def read_draft(item: Item, style: Style, now: datetime) -> Draft:
    """Return the draft of one message.

    Raises:
        RequestError: it cannot be used.
    """
    if item.error:
        raise item.error
    _check_recipient(item.recipient)
    return _library(item, now) if style is Style.LIBRARY else _named(item, style, now)


def own_id(fields: Mapping[str, Any]) -> str | None:
    """Return the client's own id of a message (sheet 5.1).

    Raises:
        InvalidField: it cannot serve as a key.
    """
    value = fields.get("message_id", fields.get("id"))
    if value is None:
        return None
    if not isinstance(value, str) or len(value) > KEY_LIMIT or not all("!" <= char <= "~" for char in value):
        raise InvalidField("must be visible ASCII", pointer="/message_id")
    return value


def _library(item: Item, now: datetime) -> Draft:
    """Dialect B: the text is a text, whatever it looks like."""
    fields = item.fields
    content = from_text(fields.get("text"), [fields.get("attachments"), fields.get("attachment")])
    until = fields.get("valid_until", fields.get("vaild_date"))
    times = read_times(_start(fields), until, now=now, names=("time_to_send", "valid_until"))
    key = own_id(fields)
    return Draft(
        recipients=(item.recipient,),
        originator=_line(fields, "from_address", ADDRESS_LIMIT),
        text=content.text,
        media=content.media,
        priority=_priority(fields.get("priority")),
        send_at=times.send_at,
        valid_until=times.valid_until,
        wall_clock=times.wall_clock,
        validity_s=VALIDITY_S,
        reference=key,
        tags=read_tags(fields.get("tags")),
        connection=_line(fields, "from_connection", KEY_LIMIT),
        key=key,
        digest=_digest(fields) if key else "",
    )


def _start(fields: Mapping[str, Any]) -> Any:
    """Return the time to send, unless it only says when the message was made.

    The vendor's clients fill in both with their own clock, whose zone we do not know: "now" may look hours ahead.
    """
    start = fields.get("time_to_send")
    made, due = read_leniently(fields.get("create_date")), read_leniently(start)
    return None if made and due and abs(due - made) <= AT_ONCE else start


def _named(item: Item, style: Style, now: datetime) -> Draft:
    """Dialects A and C: the classic names."""
    fields = item.fields
    kind = _message_type(fields)
    content = _content(fields, kind, style)
    times = read_times(fields.get("timetosend"), fields.get("vp"), now=now, names=("timetosend", "vp"))
    sms = _SMS.fullmatch(kind)
    klass = (Tag(name="class", value=sms[1]),) if sms and sms[1] else ()
    if content.message_class != PERSONAL:
        klass = (Tag(name=CLASS, value=content.message_class),)
    return Draft(
        recipients=(item.recipient,),
        originator=_line(fields, "originator", ADDRESS_LIMIT),
        text=content.text,
        subject=content.subject,
        media=content.media,
        priority=_priority(fields.get("priority") or content.priority),
        send_at=times.send_at,
        valid_until=times.valid_until,
        wall_clock=times.wall_clock,
        validity_s=VALIDITY_S,
        tags=(*read_tags(fields.get("tags")), *klass),
        connection=_line(fields, "serviceprovider", KEY_LIMIT),
        callback_url=_line(fields, "reporturl", URL_LIMIT),
        reports=content.reports,
    )


def _message_type(fields: Mapping[str, Any]) -> str:
    given = fields.get("messagetype", "")
    kind = given.strip().upper() if isinstance(given, str) else "?"
    if kind and kind not in _MMS and not _SMS.fullmatch(kind):
        raise UnsupportedType("message type is not served", pointer="/messagetype", value=str(given))
    return kind


def _content(fields: Mapping[str, Any], kind: str, style: Style) -> Content:
    data = fields.get("messagedata")
    beside = [fields.get("attachments"), fields.get("attachment")] if style is Style.BODY else []
    if isinstance(data, dict):
        return from_object(data, beside)
    if data is None and style is Style.BODY and {"messagetext", "attachments", "attachment"} & fields.keys():
        return from_object(fields)
    if data is None:
        raise MissingField("is required", pointer="/messagedata")
    if isinstance(data, str) and _is_xml(data, kind, style):
        return from_xml(data, beside)
    return from_text(data, beside)


def _is_xml(data: str, kind: str, style: Style) -> bool:
    start = data.lstrip().lower()
    if kind in _MMS:
        # In JSON a plain text may stand for the whole MMS; in the classic form only XML may.
        return style is Style.CLASSIC or start.startswith("<")
    # Without a type, "<3" is a text.
    return not kind and style is Style.BODY and start.startswith(_LOOKS_LIKE_XML)


def _priority(value: Any) -> Priority:
    if value is None:
        return Priority.NORMAL
    known = _PRIORITIES.get(value.strip().lower()) if isinstance(value, str) else None
    if known is None:
        raise InvalidField("must be normal or high", pointer="/priority")
    return known


def _check_recipient(recipient: str) -> None:
    if len(recipient) > ADDRESS_LIMIT or not is_clean(recipient) or has_controls(recipient):
        raise InvalidRecipient("is not a phone number", pointer="/recipient", value=recipient)


def _line(fields: Mapping[str, Any], name: str, limit: int) -> str | None:
    value = fields.get(name)
    if value is None:
        return None
    if not isinstance(value, str) or len(value) > limit or not is_clean(value) or has_controls(value):
        raise InvalidField("cannot be used", pointer=f"/{name}")
    return value.strip() or None


def _digest(fields: Mapping[str, Any]) -> str:
    lasting = {name: value for name, value in fields.items() if name not in _VOLATILE}
    return hashlib.sha256(orjson.dumps(lasting, option=orjson.OPT_SORT_KEYS)).hexdigest()
