"""Lanes in SQL: which messages wait for a slot, and where."""

from collections.abc import Sequence

from sqlalchemy import Connection, bindparam, func, or_, select, text, update

from broker.domain.message import Message
from broker.domain.status import Status
from broker.domain.value import value
from broker.storage.rows import message_of
from broker.storage.tables import IN_LANE, messages

Lane = tuple[str, str]
"""A connection, and a sender on it."""

_UNFINISHED = (Status.PREPARING, Status.QUEUED, Status.SUBMITTING, Status.RETRYING, Status.UNKNOWN)

_ENTER = (
    update(messages)
    .where(
        messages.c.id == bindparam("b_id"),
        or_(messages.c.laned_at.is_(None), messages.c.connection != bindparam("b_connection")),
    )
    .values(
        laned_at=bindparam("b_laned_at"), due_at=bindparam("b_due_at"), connection=bindparam("b_connection")
    )
)


@value
class Entry:
    """A message on its way into a lane; `laned_at` is 0 for those that wait with the leader of their group."""

    id: str
    connection: str
    laned_at: int
    due_at: int


def enter(connection: Connection, entries: Sequence[Entry]) -> None:
    """Say that messages wait in a lane now; for those that wait in it already nothing changes."""
    if entries:
        connection.execute(
            _ENTER,
            [
                {
                    "b_id": one.id,
                    "b_laned_at": one.laned_at,
                    "b_due_at": one.due_at,
                    "b_connection": one.connection,
                }
                for one in entries
            ],
        )


def counts(connection: Connection) -> dict[Lane, int]:
    """Return how many messages each lane must hold."""
    lane = (messages.c.connection, messages.c.originator)
    rows = connection.execute(select(*lane, func.count()).where(text(IN_LANE)).group_by(*lane))
    return {(row[0], row[1]): row[2] for row in rows}


def unfinished(connection: Connection, name: str) -> int:
    """Return how many messages a connection has been given that it has not passed on to its carrier."""
    statement = select(func.count()).where(
        messages.c.due_at.is_not(None), messages.c.connection == name, messages.c.status.in_(_UNFINISHED)
    )
    return int(connection.execute(statement).scalar() or 0)


def page(connection: Connection, lane: Lane, *, after: str, limit: int) -> list[Message]:
    """Return messages that a lane must hold, those with the lowest ids after `after`, without parts."""
    name, sender = lane
    statement = (
        select(messages)
        .where(
            text(IN_LANE),
            messages.c.connection == name,
            messages.c.originator == sender,
            messages.c.id > after,
        )
        .order_by(messages.c.id)
        .limit(limit)
    )
    return [message_of(row) for row in connection.execute(statement).mappings()]


def since(connection: Connection, ids: Sequence[str]) -> dict[str, int]:
    """Return since when those of the ids that wait in a lane do so (Redis's clock, ms)."""
    statement = select(messages.c.id, messages.c.laned_at).where(messages.c.id.in_(ids), text(IN_LANE))
    return {row[0]: row[1] for row in connection.execute(statement)}


def still(connection: Connection, ids: Sequence[str]) -> set[str]:
    """Return those of the ids that a lane must hold."""
    statement = select(messages.c.id).where(messages.c.id.in_(ids), text(IN_LANE))
    return set(connection.execute(statement).scalars())
