"""Webhook events as Bandwidth writes them."""

import secrets
import time
from collections.abc import Mapping, Sequence
from typing import Any

APPLICATION = "5f1c2b7e-0a4d-4c38-9d1e-7b6a3c2f1e00"

Event = dict[str, Any]


def long_id() -> str:
    """Return an id of 13 digits of milliseconds and 16 characters."""
    return f"{time.time_ns() // 1_000_000:013d}{secrets.token_hex(8)}"


def report(message: Mapping[str, Any], kind: str = "message-delivered", **changes: Any) -> Event:
    """Return a status event for a message of ours; `changes` are of the event's inner message."""
    inner = {
        "id": message["provider_ref"],
        "owner": message["from"],
        "applicationId": APPLICATION,
        "time": "2026-11-21T11:59:59Z",
        "segmentCount": 1,
        "direction": "out",
        "to": [message["to"]],
        "from": message["from"],
        "text": "",
        "tag": f"{message['id']}.1",
        **changes,
    }
    return {
        "time": "2026-11-21T12:00:00.000Z",
        "type": kind,
        "to": message["to"],
        "description": "ok",
        "message": {name: value for name, value in inner.items() if value is not None},
    }


def arrival(
    owner: str,
    text: str,
    *,
    ident: str = "",
    sender: str = "+12025550199",
    to: Sequence[str] = (),
    media: Sequence[str] = (),
) -> Event:
    """Return the event of a message that came for one of our numbers."""
    inner = {
        "id": ident or long_id(),
        "owner": owner,
        "applicationId": APPLICATION,
        "time": "2026-11-21T11:59:59Z",
        "segmentCount": 1,
        "direction": "in",
        "to": list(to) or [owner],
        "from": sender,
        "text": text,
        **({"media": list(media)} if media else {}),
    }
    return {
        "time": "2026-11-21T12:00:00.000Z",
        "type": "message-received",
        "to": owner,
        "description": "Incoming message received",
        "message": inner,
    }
