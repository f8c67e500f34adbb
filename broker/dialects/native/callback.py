"""Native callbacks, as Standard Webhooks 1.0 has them."""

from typing import Any

import orjson
from standardwebhooks import Webhook
from standardwebhooks.webhooks import EmptyWebhookSecretError

from broker.dialects.native.lookup import stamp
from broker.domain.callback import Callback
from broker.domain.ids import part_id
from broker.domain.message import Direction, Part, PartState
from broker.domain.wire import Request
from broker.errors import ConfigurationError

JSON_TYPE = "application/json"


def told(callback: Callback) -> Request:
    """Return the request: a POST of `{type, timestamp, data}`, signed with every active secret.

    Raises:
        ConfigurationError: a secret is not one.
    """
    body = orjson.dumps(
        {"type": _type(callback), "timestamp": stamp(callback.at), "data": _data(callback)}
    ).decode()
    headers = {
        "Content-Type": JSON_TYPE,
        "webhook-id": callback.id,
        "webhook-timestamp": str(int(callback.sent_at.timestamp())),
    }
    if callback.secrets:
        headers["webhook-signature"] = " ".join(_sign(secret, callback, body) for secret in callback.secrets)
    return Request(method="POST", url=callback.url, headers=headers, body=body.encode())


def is_secret(text: str) -> bool:
    """Say whether a callback can be signed with this."""
    try:
        Webhook(text)
    except (ValueError, EmptyWebhookSecretError):
        return False
    return True


def _sign(secret: str, callback: Callback, body: str) -> str:
    try:
        return Webhook(secret).sign(callback.id, callback.sent_at, body)
    except (ValueError, EmptyWebhookSecretError) as error:
        raise ConfigurationError("the callback secret is not whsec_ and base64") from error


def _type(callback: Callback) -> str:
    if callback.message.direction is Direction.OUT:
        return f"message.{callback.status}"
    # What had to be told before its media was here is completed by a second callback.
    return "message.received" if callback.sequence == 1 else "message.completed"


def _data(callback: Callback) -> dict[str, Any]:
    message = callback.message
    known = {
        "id": message.id,
        "direction": message.direction,
        "status": callback.status,
        "sequence": callback.sequence,
        "from": message.originator,
        "to": message.recipient,
    }
    if message.direction is Direction.OUT:
        return known | {
            "reference": message.reference,
            "batch": message.batch,
            "detail": callback.detail,
            "possible_duplicate": message.possible_duplicate,
        }
    return known | {
        "text": message.text,
        "received_at": stamp(message.created_at),
        "parts": [_part(message.id, part, callback.links.get(part.index)) for part in message.parts],
    }


def _part(message_id: str, part: Part, link: str | None) -> dict[str, Any]:
    """Return one part: its id serves to send it on, its link expires, and there is neither until its bytes are here."""
    return {
        "id": part_id(message_id, part.index) if part.state is PartState.STORED else None,
        "index": part.index,
        "content_type": part.content_type,
        "name": part.name,
        "size": part.size,
        "sha256": part.sha256,
        "state": part.state,
        "url": link,
    }
