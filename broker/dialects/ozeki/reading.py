"""Find the messages in a call, whichever of the three forms it has (sheet section 1)."""

import re
from collections.abc import Mapping
from dataclasses import field
from enum import Enum
from typing import Any

import orjson

from broker.dialects.ozeki.params import lower_names, read_params
from broker.domain.value import value
from broker.domain.wire import Call
from broker.errors import InvalidField, InvalidRecipient, Malformed, MissingField, RequestError, UnknownAction

LIBRARY_ACTIONS = frozenset({"sendmsg", "receivemsg", "deletemsg", "markmsg"})
SEND, SEND_LIBRARY, REST = "sendmessage", "sendmsg", "rest"
_SEPARATORS = re.compile("[,;]")
PER_MESSAGE = (
    "recipient",
    "messagetype",
    "messagedata",
    "originator",
    "serviceprovider",
    "priority",
    "vp",
    "timetosend",
    "tags",
    "reporturl",
)


class Style(Enum):
    """Which of the three forms a call has."""

    CLASSIC = "A"
    LIBRARY = "B"
    BODY = "C"


@value
class Item:
    """One message for one recipient, as asked for. `fields` are named as the classic parameters are."""

    recipient: str
    fields: Mapping[str, Any] = field(default_factory=dict)
    error: RequestError | None = None


@value
class Reading:
    """A call that sends. `params` are those of its query, or of its form."""

    style: Style
    params: Mapping[str, str]
    items: tuple[Item, ...]


_SEEN = "ozeki.reading"


class TooManyMessages(InvalidField):
    """More messages than one call may hold."""

    code = "too_many_messages"


def style_of(call: Call) -> Style:
    """Say which form a call has, as far as can be told without reading its body; never raises."""
    action = _action(call)
    if action in LIBRARY_ACTIONS or action == REST:
        return Style.LIBRARY
    start = call.body[:64].lstrip()[:1]
    if start in (b"{", b"["):
        return Style.BODY
    is_json = call.headers.get("content-type", "").lower().startswith("application/json")
    return Style.BODY if is_json and (call.body or (call.method == "POST" and not action)) else Style.CLASSIC


def read(call: Call, most: int) -> Reading:
    """Return the messages in a call that sends, at most `most` of them.

    Raises:
        RequestError: it does not send, cannot be read, or holds too many.
    """
    known: Reading | None = call.seen.get(_SEEN)
    if known is None:
        known = call.seen[_SEEN] = _read(call, most)
    return known


def _read(call: Call, most: int) -> Reading:
    style, params = style_of(call), read_params(call)
    if style is Style.CLASSIC:
        _check_action(params.get("action", ""), SEND)
        items = _classic_items(params, most)
    else:
        style, items = _json_items(call, params.get("action", ""), most)
    return Reading(style=style, params=params, items=items)


def read_json(body: bytes) -> dict[str, Any]:
    """Return the object in a JSON body.

    Raises:
        Malformed: there is none.
    """
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise Malformed("the body is not JSON") from None
    if not isinstance(value, dict):
        raise Malformed("the body is not a JSON object")
    return lower_names(value)


def split(recipients: str, most: int) -> list[str]:
    """Return the recipients in a list of them, by comma or semicolon.

    Raises:
        TooManyMessages: there are far too many to look at them all.
    """
    _check_count((recipients.count(",") + recipients.count(";")) // 2, most)
    # A leading blank is a plus sign that was not encoded, and then it is so for all.
    blank_is_plus = recipients[:1] == " " and recipients[1:2].isdigit()
    parts = [part for part in _SEPARATORS.split(recipients) if part.strip()]
    return [
        "+" + part[1:].strip() if blank_is_plus and part[:1] == " " else part.strip(" ") for part in parts
    ]


def _action(call: Call) -> str:
    try:
        return read_params(call).get("action", "")
    except InvalidField:
        return ""


def _check_action(action: str, *known: str) -> None:
    if action not in known:
        raise UnknownAction("unknown action", pointer="/action", value=action)


def _check_count(count: int, most: int) -> None:
    if count > most:
        raise TooManyMessages(f"more than {most} messages in one request")


def _classic_items(params: Mapping[str, str], most: int) -> tuple[Item, ...]:
    common = {name: params[name] for name in PER_MESSAGE if name in params}
    if "messagecount" not in params:
        return _for_each_recipient(common, most)
    count = params["messagecount"]
    if not (count.isascii() and count.isdigit() and len(count) < 10 and int(count)):  # noqa: PLR2004  # digits
        raise MissingField("must be a number above 0", pointer="/messagecount")
    _check_count(int(count), most)
    items: list[Item] = []
    for index in range(int(count)):
        own = {name: params[f"{name}{index}"] for name in PER_MESSAGE if f"{name}{index}" in params}
        items += _for_each_recipient({**common, **own}, most, suffix=str(index))
        _check_count(len(items), most)
    return tuple(items)


def _for_each_recipient(fields: Mapping[str, Any], most: int, suffix: str = "") -> tuple[Item, ...]:
    recipient = fields.get("recipient", "")
    if isinstance(recipient, str):
        recipients: list[Any] = split(recipient, most)
    else:
        recipients = recipient if isinstance(recipient, list) else [recipient]
    _check_count(len(recipients), most)
    if not recipients:
        error = MissingField("is required", pointer=f"/recipient{suffix}")
        return (Item(recipient="", fields=fields, error=error),)
    return tuple(
        Item(recipient=one.strip(" "), fields=fields)
        if isinstance(one, str)
        else Item(recipient="", fields=fields, error=InvalidRecipient("must be text", pointer="/recipient"))
        for one in recipients
    )


def _json_items(call: Call, action: str, most: int) -> tuple[Style, tuple[Item, ...]]:
    if action in LIBRARY_ACTIONS and action != SEND_LIBRARY:
        _check_action(action, SEND_LIBRARY)
    body = read_json(call.body)
    if "messages" in body or action == SEND_LIBRARY:
        return Style.LIBRARY, _library_items(body.get("messages"), most)
    # What the body does not say, the address may have said.
    named = body.get("action", action)
    _check_action(named.lower() if isinstance(named, str) else "", SEND)
    return Style.BODY, _for_each_recipient(body, most)


def _library_items(messages: Any, most: int) -> tuple[Item, ...]:
    if not isinstance(messages, list) or not messages:
        raise Malformed("there are no messages", pointer="/messages")
    _check_count(len(messages), most)
    return tuple(_library_item(message) for message in messages)


def _library_item(message: Any) -> Item:
    if not isinstance(message, dict):
        return Item(recipient="", error=Malformed("must be an object", pointer="/messages"))
    fields = lower_names(message)
    recipient = fields.get("to_address", "")
    if not isinstance(recipient, str) or not recipient.strip():
        error = MissingField("is required", pointer="/to_address")
        return Item(recipient="", fields=fields, error=error)
    return Item(recipient=recipient.strip(" "), fields=fields)
