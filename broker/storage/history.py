"""The events of messages: what happened, repeats once."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, select

from broker.domain.message import Message
from broker.domain.status import Event, Status, advance
from broker.storage.tables import events
from broker.storage.writing import bounded, insert_ignore, insert_into


def begin(connection: Connection, fresh: Sequence[tuple[Message, Event | None, str, str | None]]) -> None:
    """Keep how messages were admitted, what happened to them at once, its detail, and the webhook that told it."""
    rows = [row for item in fresh for row in _first_events(*item)]
    if rows:
        connection.execute(insert_ignore(connection, events), rows)


def keep(connection: Connection, rows: Sequence[dict[str, Any]]) -> None:
    """Keep events as `event_row` makes them: one row for repeats, which may say that the event moved something."""
    if rows:
        insert = insert_into(connection, events)
        connection.execute(
            insert.on_conflict_do_update(
                index_elements=["message_id", "key"],
                set_={"status": insert.excluded.status, "detail": insert.excluded.detail},
                where=events.c.status.is_(None),
            ),
            rows,
        )


def heard(connection: Connection, ids: Sequence[str]) -> dict[tuple[str, str], str]:
    """Return what is kept of messages: the type of each event, by message and key."""
    if not ids:
        return {}
    columns = (events.c.message_id, events.c.key, events.c.type)
    rows = connection.execute(select(*columns).where(events.c.message_id.in_(ids)))
    return {(row.message_id, row.key): row.type for row in rows}


def event_row(
    message_id: str,
    key: str,
    at: datetime,
    event: Event,
    status: Status | None,
    detail: str,
    webhook: str | None = None,
) -> dict[str, Any]:
    """Return the columns of one event; `webhook` is the digest of the one that told it."""
    return {
        "message_id": message_id,
        "key": bounded(key),
        "at": at,
        "type": event,
        "status": status,
        "detail": detail,
        "webhook": webhook,
    }


def _first_events(
    message: Message, event: Event | None, detail: str, webhook: str | None
) -> list[dict[str, Any]]:
    first = event_row(message.id, Event.ADMIT, message.created_at, Event.ADMIT, message.status, "", webhook)
    if event is None:
        return [first]
    after = advance(message.status, event)
    key = f"{event}.1" if event is Event.CLAIM else str(event)
    return [first, event_row(message.id, key, datetime.now(UTC), event, after, detail)]
