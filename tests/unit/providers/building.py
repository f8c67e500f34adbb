"""A Bandwidth connection with things to send over it."""

from datetime import UTC, datetime
from typing import Any

import orjson

from broker.domain.account import Connection
from broker.domain.message import Message
from broker.domain.wire import Response
from broker.providers.bandwidth.provider import Bandwidth
from broker.providers.base import Outgoing, Submission

NOW = datetime(2026, 11, 21, 12, 0, 0, tzinfo=UTC)
MESSAGE_ID = "0197a1b2-c3d4-7e5f-8a6b-0c1d2e3f4a5b"
BASE = "https://messaging.bandwidth.com/api/v2"
ACCOUNT = f"{BASE}/users/9900000"
CONFIG: dict[str, Any] = {
    "base_url": BASE,
    "token_url": "https://api.bandwidth.com/api/v1/oauth2/token",
    "client_id": "client",
    "client_secret": "first",
    "next_client_secret": "second",
    "account_id": "9900000",
    "application_id": "5f1c2b7e-0a4d-4c38-9d1e-7b6a3c2f1e00",
    "webhook_username": "hook",
    "webhook_password": "s\u00e9sam:e",
}


def bandwidth(**changes: Any) -> Bandwidth:
    """Make a provider; a setting given as None is left out."""
    config = {key: value for key, value in {**CONFIG, **changes}.items() if value is not None}
    connection = Connection(
        name="bandwidth-1",
        provider="bandwidth",
        media_hosts=("messaging.bandwidth.com", "127.0.0.1:9100"),
        config=config,
    )
    return Bandwidth(connection, now=lambda: NOW, dice=lambda: "c0ffee")


def submission(*parts: Outgoing, to: tuple[str, ...] = ("+12025550101",), **changes: Any) -> Submission:
    """Make a submission of an SMS, or of an MMS where parts are given."""
    fields: dict[str, Any] = {
        "id": MESSAGE_ID,
        "account": "acme",
        "originator": "+12025550150",
        "recipient": to[0],
        "text": "Menu for this week",
        "created_at": NOW,
        "valid_until": datetime(2026, 11, 22, 12, 0, 0, 5000, tzinfo=UTC),
    }
    message = Message(**{**fields, **changes})
    return Submission(message=message, recipients=to, tag=f"{MESSAGE_ID}.1", parts=parts)


def picture(size: int = 4, content_type: str = "image/jpeg", name: str = "menu.jpg") -> Outgoing:
    """Make a part to upload."""
    return Outgoing(name=name, content_type=content_type, size=size, data=b"\xff\xd8\xff\xe0")


def answer(status: int, body: object = None, **headers: str) -> Response:
    """Make a carrier's answer: JSON from a value, or bytes as they are; `retry_after` is a header's name."""
    raw = body if isinstance(body, bytes) else b"" if body is None else orjson.dumps(body)
    return Response(status=status, headers={k.replace("_", "-"): v for k, v in headers.items()}, body=raw)
