"""News that fits no message yet: kept, listed, and matched later."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, bindparam, delete, func, select, update

from broker.storage.tables import parked
from broker.storage.writing import bounded, insert_ignore


@dataclass(frozen=True, slots=True, kw_only=True)
class Parked:
    """One piece of news as JSON, why it waits, and when to try it again (Redis's clock, ms)."""

    connection: str
    key: str
    news: str
    reason: str
    at: datetime
    due_at: int | None


def park(connection: Connection, items: Sequence[Parked]) -> None:
    """Keep news that fits no message; a repeat is kept once."""
    rows = [
        {
            "connection": item.connection,
            "key": bounded(item.key),
            "news": item.news,
            "reason": item.reason,
            "at": item.at,
            "due_at": item.due_at,
        }
        for item in items
    ]
    if rows:
        connection.execute(insert_ignore(connection, parked), rows)


def due(connection: Connection, now_ms: int, *, limit: int) -> list[tuple[int, Parked]]:
    """Return the parked news that is worth another look, with its row ids."""
    rows = connection.execute(
        select(parked).where(parked.c.due_at <= now_ms).order_by(parked.c.due_at).limit(limit)
    ).mappings()
    return [(row["id"], Parked(**{name: row[name] for name in Parked.__slots__})) for row in rows]


def settle(connection: Connection, matched: Sequence[int], later: Sequence[tuple[int, int | None]]) -> None:
    """Forget what was matched; look again at the rest at the given times, or never by ourselves."""
    if matched:
        connection.execute(delete(parked).where(parked.c.id.in_(matched)))
    if later:
        statement = (
            update(parked).where(parked.c.id == bindparam("b_id")).values(due_at=bindparam("b_due_at"))
        )
        connection.execute(statement, [{"b_id": row, "b_due_at": due_at} for row, due_at in later])


def count(connection: Connection) -> int:
    """Return how much news is parked."""
    return connection.execute(select(func.count()).select_from(parked)).scalar_one()
