"""What is due: messages that somebody must look at, found by the time that was set for them."""

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import Connection, select, tuple_, update

from broker.domain.status import Event, Status, sources
from broker.storage.tables import messages

WAITING = frozenset(sources(Event.CLAIM))


class Due(NamedTuple):
    """Since when (Redis's clock, ms) somebody must look at a message; a waiting one has only to have its turn."""

    due_at: int
    id: str
    waits: bool


def due(connection: Connection, now_ms: int, *, limit: int, after: tuple[int, str] = (0, "")) -> list[Due]:
    """Return what is due, the longest first, from `after` on; what waits and is still valid is told from the rest."""
    place = tuple_(messages.c.due_at, messages.c.id)
    statement = (
        select(messages.c.due_at, messages.c.id, messages.c.status, messages.c.valid_until)
        .where(messages.c.due_at <= now_ms, place > tuple_(*after))
        .order_by(messages.c.due_at, messages.c.id)
        .limit(limit)
    )
    return [
        Due(row.due_at, row.id, Status(row.status) in WAITING and row.valid_until.timestamp() * 1000 > now_ms)
        for row in connection.execute(statement)
    ]


def hasten(connection: Connection, ids: Sequence[str], now_ms: int) -> int:
    """Let messages be due now that wait for their next try, and in no lane; return how many did."""
    waits = (messages.c.id.in_(ids), messages.c.status == Status.RETRYING, messages.c.laned_at.is_(None))
    return connection.execute(update(messages).where(*waits).values(due_at=now_ms)).rowcount
