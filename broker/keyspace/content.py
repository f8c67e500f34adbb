"""Messages and webhooks as Redis keeps them until SQL has them."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
import orjson

from broker.domain.message import Message

_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Message)


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhook:
    """What a carrier posted to a connection, as it came, and when (aware UTC); `trace` as of a message."""

    connection: str
    body: bytes
    at: datetime
    trace: str = ""


def encode(message: Message) -> bytes:
    """Return the message as compact JSON, without what has its default: a backlog lives in memory."""
    return _encoder.encode(message)


def decode(content: bytes | str) -> Message:
    """Return the message that `encode` was given; what a newer version wrote beside it is left out.

    Raises:
        ValueError: it is no message.
    """
    try:
        return _decoder.decode(content)
    except msgspec.DecodeError as error:
        raise ValueError("no message") from error


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
