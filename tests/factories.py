"""Values that are valid by default; a test states only what matters to it."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from broker.domain.account import Connection
from broker.domain.ids import new_id
from broker.domain.message import Message, Part, PartState
from broker.domain.status import Event
from broker.storage.messages import Move

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
NOW_MS = round(NOW.timestamp() * 1000)
SENDER = "+12025550150"
RECIPIENT = "+12025550101"


def make_message(**changes: Any) -> Message:
    """A plain text message of account `acme`."""
    values: dict[str, Any] = {
        "id": new_id(),
        "account": "acme",
        "originator": SENDER,
        "recipient": RECIPIENT,
        "text": "hello",
        "created_at": NOW,
        "valid_until": NOW + timedelta(days=1),
    }
    return Message(**{**values, **changes})


def make_stored_part(path: Path, **changes: Any) -> Part:
    """A picture whose file is there."""
    values: dict[str, Any] = {
        "index": 1,
        "name": path.name,
        "content_type": "image/jpeg",
        "state": PartState.STORED,
        "size": path.stat().st_size,
        "path": str(path),
    }
    return Part(**{**values, **changes})


def make_connection(**changes: Any) -> Connection:
    """A Bandwidth connection with Basic credentials."""
    values: dict[str, Any] = {
        "name": "bandwidth-1",
        "provider": "bandwidth",
        "senders": (SENDER,),
        "config": {
            "base_url": "http://127.0.0.1:9/api/v2",
            "auth": "basic",
            "username": "user",
            "password": "a password",
            "account_id": "9900000",
            "application_id": "app-1",
        },
    }
    return Connection(**{**values, **changes})


def make_move(message_id: str, event: Event, **changes: Any) -> Move:
    """An event that happened now."""
    values: dict[str, Any] = {"id": message_id, "event": event, "at": NOW, "key": str(event)}
    return Move(**{**values, **changes})
