"""Messages and webhooks as Redis keeps them until SQL has them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from operator import attrgetter
from typing import Any

import orjson

from broker.domain.message import Direction, Message, Part, PartKind, PartState, Priority, Tag
from broker.domain.status import Status

_ALWAYS = ("id", "account", "originator", "recipient", "text", "created_at", "valid_until")
_SELDOM = {field.name: field.default for field in fields(Message) if field.name not in _ALWAYS}
"""Fields that are left out while they hold their default: most do, and a backlog lives in memory."""

_NAMES = {field.name for field in fields(Message)}
_PART_NAMES = {field.name for field in fields(Part)}
_seldom = attrgetter(*_SELDOM)
_USUAL = tuple(_SELDOM.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhook:
    """What a carrier posted to a connection, as it came, and when (aware UTC); `trace` as of a message."""

    connection: str
    body: bytes
    at: datetime
    trace: str = ""


def encode(message: Message) -> bytes:
    """Return the message as compact JSON."""
    content: dict[str, Any] = {
        "id": message.id,
        "account": message.account,
        "originator": message.originator,
        "recipient": message.recipient,
        "text": message.text,
        "created_at": message.created_at,
        "valid_until": message.valid_until,
    }
    values = _seldom(message)
    if values != _USUAL:
        told = zip(_SELDOM, values, _USUAL, strict=True)
        content.update({name: value for name, value, usual in told if value != usual})
    return orjson.dumps(content)


def decode(content: bytes | str) -> Message:
    """Return the message that `encode` was given; what a newer version wrote beside it is left out."""
    return _message(orjson.loads(content))


def encode_webhook(webhook: Webhook) -> bytes:
    """Return the webhook as one JSON line and then its untouched body."""
    known: dict[str, Any] = {"connection": webhook.connection, "at": webhook.at}
    if webhook.trace:
        known["trace"] = webhook.trace
    return orjson.dumps(known) + b"\n" + webhook.body


def decode_webhook(content: bytes) -> Webhook:
    """Return the webhook that `encode_webhook` was given."""
    head, _, body = content.partition(b"\n")
    known = orjson.loads(head)
    return Webhook(
        connection=known["connection"],
        body=body,
        at=datetime.fromisoformat(known["at"]),
        trace=known.get("trace", ""),
    )


def _message(content: dict[str, Any]) -> Message:
    for name, read in _READ.items():
        if name in content:
            content[name] = read(content[name])
    try:
        return Message(**content)
    except TypeError:
        return Message(**{name: value for name, value in content.items() if name in _NAMES})


def _part(content: Mapping[str, Any]) -> Part:
    named = {**content, "kind": PartKind(content["kind"]), "state": PartState(content["state"])}
    return Part(**{name: value for name, value in named.items() if name in _PART_NAMES})


_READ: dict[str, Callable[[Any], Any]] = {
    "created_at": datetime.fromisoformat,
    "valid_until": datetime.fromisoformat,
    "send_at": datetime.fromisoformat,
    "direction": Direction,
    "status": Status,
    "priority": Priority,
    "tags": lambda tags: tuple(Tag(**tag) for tag in tags),
    "parts": lambda parts: tuple(_part(part) for part in parts),
    "members": tuple,
}
