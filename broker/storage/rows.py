"""Turn messages into rows, rows into messages."""

from collections.abc import Mapping, Sequence
from typing import Any

import orjson
from sqlalchemy import RowMapping, exists, or_

from broker.domain.message import Direction, Message, Part, PartKind, PartState, Priority, Tag
from broker.domain.status import Status
from broker.storage.tables import messages, parts

IS_MMS = or_(
    messages.c.subject != "",
    messages.c.members.is_not(None),
    exists().where(parts.c.message_id == messages.c.id),
).label("is_mms")
"""Whether a message needs the multimedia service, as `Message.is_mms` says."""


def message_row(
    message: Message,
    *,
    status: Status,
    attempts: int,
    due_at: int | None,
    connection: str | None,
    inbound_key: str | None = None,
) -> dict[str, Any]:
    """Return the columns of a message on its way into a state; its parts have rows of their own."""
    return {
        "id": message.id,
        "account": message.account,
        "dialect": message.dialect,
        "direction": message.direction,
        "status": status,
        "originator": message.originator,
        "recipient": message.recipient,
        "text": message.text,
        "subject": message.subject,
        "priority": message.priority,
        "reference": message.reference,
        "tags": dump_tags(message.tags) if message.tags else "[]",
        "batch": message.batch,
        "members": orjson.dumps(message.members).decode() if message.members else None,
        "connection": connection,
        "provider_ref": message.provider_ref,
        "inbound_key": inbound_key,
        "possible_duplicate": message.possible_duplicate,
        "pinned": message.pinned,
        "attempts": attempts,
        "due_at": due_at,
        "callback_url": message.callback_url,
        "prepaid": message.prepaid,
        "created_at": message.created_at,
        "updated_at": message.created_at,
        "valid_until": message.valid_until,
        "send_at": message.send_at,
        **_books(message),
    }


def _books(message: Message) -> dict[str, Any]:
    return {
        "number": message.number,
        "note": message.note or None,
        "subaccount": message.subaccount or None,
        "reports": message.reports or None,
        "trace": message.trace or None,
    }


def message_of(row: RowMapping | Mapping[str, Any], parts: Sequence[Part] = ()) -> Message:
    """Return the message a row holds."""
    return Message(
        id=row["id"],
        account=row["account"],
        dialect=row["dialect"],
        direction=Direction(row["direction"]),
        status=Status(row["status"]),
        originator=row["originator"],
        recipient=row["recipient"],
        text=row["text"],
        subject=row["subject"],
        priority=Priority(row["priority"]),
        reference=row["reference"],
        tags=load_tags(row["tags"]),
        parts=tuple(parts),
        batch=row["batch"],
        group=row["members"] is not None,
        members=tuple(orjson.loads(row["members"])) if row["members"] else (),
        connection=row["connection"],
        callback_url=row["callback_url"],
        prepaid=row["prepaid"],
        created_at=row["created_at"],
        valid_until=row["valid_until"],
        send_at=row["send_at"],
        provider_ref=row["provider_ref"],
        attempts=row["attempts"],
        possible_duplicate=row["possible_duplicate"],
        pinned=row["pinned"],
        number=row["number"],
        note=row["note"] or "",
        subaccount=row["subaccount"] or "",
        reports=row["reports"] or 0,
        trace=row["trace"] or "",
    )


def part_row(message_id: str, part: Part) -> dict[str, Any]:
    """Return the columns of one part."""
    return {
        "message_id": message_id,
        "idx": part.index,
        "content_type": part.content_type,
        "name": part.name,
        "kind": part.kind,
        "state": part.state,
        "size": part.size,
        "sha256": part.sha256,
        "path": part.path,
        "url": part.url,
        "error": part.error,
    }


def part_of(row: RowMapping) -> Part:
    """Return the part a row holds."""
    return Part(
        index=row["idx"],
        content_type=row["content_type"],
        name=row["name"],
        kind=PartKind(row["kind"]),
        state=PartState(row["state"]),
        size=row["size"],
        sha256=row["sha256"],
        path=row["path"],
        url=row["url"],
        error=row["error"],
    )


def dump_tags(tags: Sequence[Tag]) -> str:
    """Return tags as the JSON that is kept."""
    return orjson.dumps([[tag.name, tag.value] for tag in tags]).decode()


def load_tags(text: str) -> tuple[Tag, ...]:
    """Return the tags kept as `text`."""
    return () if text == "[]" else tuple(Tag(name=name, value=value) for name, value in orjson.loads(text))


def tag_begins(name: str, value: str | None) -> str:
    """Return what the kept JSON holds of a tag, of any value where none is given; no value can look like that."""
    found = orjson.dumps([name] if value is None else [name, value]).decode()
    return f"{found[:-1]}," if value is None else found
