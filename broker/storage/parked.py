"""News that fits no message yet: kept, listed, and matched later."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, RowMapping, bindparam, delete, func, select, update

from broker.storage.tables import inbound_numbers, parked
from broker.storage.writing import bounded, insert_into


@dataclass(frozen=True, slots=True, kw_only=True)
class Parked:
    """One piece of news as JSON, why it waits, and when to try it again (Redis's clock, ms).

    An arrival waits for its `recipient` to become somebody's number.
    """

    connection: str
    key: str
    news: str
    reason: str
    at: datetime
    due_at: int | None
    recipient: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Which:
    """Parked news to be listed."""

    connection: str | None = None
    reason: str | None = None
    since: datetime | None = None
    until: datetime | None = None


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
            "recipient": item.recipient,
        }
        for item in items
    ]
    if rows:
        insert = insert_into(connection, parked)
        # What it means may have been read better this time.
        statement = insert.on_conflict_do_update(
            index_elements=["connection", "key"],
            set_={"news": insert.excluded.news},
            where=parked.c.news != insert.excluded.news,
        )
        connection.execute(statement, rows)


def due(connection: Connection, now_ms: int, *, limit: int) -> list[tuple[int, Parked]]:
    """Return the parked news that is worth another look, with its row ids."""
    rows = connection.execute(
        select(parked).where(parked.c.due_at <= now_ms).order_by(parked.c.due_at).limit(limit)
    ).mappings()
    return [(row["id"], _parked(row)) for row in rows]


def owned(connection: Connection, *, limit: int) -> list[tuple[int, Parked]]:
    """Return arrivals for numbers that are somebody's by now, the oldest first, with their row ids."""
    mine = parked.join(inbound_numbers, inbound_numbers.c.address == parked.c.recipient)
    statement = select(parked).select_from(mine).where(parked.c.recipient.is_not(None))
    rows = connection.execute(statement.order_by(parked.c.id).limit(limit)).mappings()
    return [(row["id"], _parked(row)) for row in rows]


def page(
    connection: Connection, which: Which, *, after: int, limit: int
) -> tuple[list[tuple[int, Parked]], int | None]:
    """Return parked news, the oldest first, and the row that the page ends with if there is more."""
    wanted = [parked.c.id > after]
    if which.connection is not None:
        wanted.append(parked.c.connection == which.connection)
    if which.reason is not None:
        wanted.append(parked.c.reason == which.reason)
    if which.since is not None:
        wanted.append(parked.c.at >= which.since)
    if which.until is not None:
        wanted.append(parked.c.at < which.until)
    statement = select(parked).where(*wanted).order_by(parked.c.id).limit(limit + 1)
    rows = connection.execute(statement).mappings().all()
    found = [(row["id"], _parked(row)) for row in rows[:limit]]
    return found, found[-1][0] if len(rows) > limit else None


def settle(connection: Connection, matched: Sequence[int], later: Sequence[tuple[int, int | None]]) -> None:
    """Forget what was matched; look again at the rest at the given times, or never by ourselves."""
    if matched:
        connection.execute(delete(parked).where(parked.c.id.in_(matched)))
    if later:
        statement = (
            update(parked).where(parked.c.id == bindparam("b_id")).values(due_at=bindparam("b_due_at"))
        )
        connection.execute(statement, [{"b_id": row, "b_due_at": due_at} for row, due_at in later])


def counts(connection: Connection) -> dict[str, int]:
    """Return how much news is parked, by reason."""
    rows = connection.execute(select(parked.c.reason, func.count()).group_by(parked.c.reason))
    return {row[0]: row[1] for row in rows}


def _parked(row: RowMapping) -> Parked:
    return Parked(**{name: row[name] for name in Parked.__slots__})
