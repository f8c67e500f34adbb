"""Messages and webhooks as Redis keeps them until SQL has them."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from operator import attrgetter
from typing import Any

import orjson

from broker.domain.message import Direction, Message, Part, PartKind, PartState, Priority, Tag
from broker.domain.status import Status

_ALWAYS = ("id", "account", "originator", "recipient", "text", "reference", "created_at", "valid_until")
_SELDOM = {field.name: field.default for field in fields(Message) if field.name not in _ALWAYS}
"""Fields that are left out while they hold their default: most do, and a backlog lives in memory."""

_seldom = attrgetter(*_SELDOM)
_USUAL = tuple(_SELDOM.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhook:
    """What a carrier posted to a connection, as it came, and when (aware UTC)."""

    connection: str
    body: bytes
    at: datetime


def encode(message: Message) -> bytes:
    """Return the message as compact JSON."""
    content: dict[str, Any] = {
        "id": message.id,
        "account": message.account,
        "originator": message.originator,
        "recipient": message.recipient,
        "text": message.text,
        "reference": message.reference,
        "created_at": message.created_at,
        "valid_until": message.valid_until,
    }
    values = _seldom(message)
    if values != _USUAL:
        told = zip(_SELDOM, values, _USUAL, strict=True)
        content.update({name: value for name, value, usual in told if value != usual})
    return orjson.dumps(content)


def decode(content: bytes | str) -> Message:
    """Return the message that `encode` was given."""
    return _message(orjson.loads(content))


def encode_webhook(webhook: Webhook) -> bytes:
    """Return the webhook as one JSON line and then its untouched body."""
    head = orjson.dumps({"connection": webhook.connection, "at": webhook.at})
    return head + b"\n" + webhook.body


def decode_webhook(content: bytes) -> Webhook:
    """Return the webhook that `encode_webhook` was given."""
    head, _, body = content.partition(b"\n")
    known = orjson.loads(head)
    return Webhook(connection=known["connection"], body=body, at=datetime.fromisoformat(known["at"]))


def _message(content: dict[str, Any]) -> Message:
    for name in ("created_at", "valid_until", "send_at"):
        if name in content:
            content[name] = datetime.fromisoformat(content[name])
    for name, kind in (("direction", Direction), ("status", Status), ("priority", Priority)):
        if name in content:
            content[name] = kind(content[name])
    if "tags" in content:
        content["tags"] = tuple(Tag(**tag) for tag in content["tags"])
    if "parts" in content:
        content["parts"] = tuple(_part(part) for part in content["parts"])
    if "members" in content:
        content["members"] = tuple(content["members"])
    return Message(**content)


def _part(content: Mapping[str, Any]) -> Part:
    return Part(**{**content, "kind": PartKind(content["kind"]), "state": PartState(content["state"])})
