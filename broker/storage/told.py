"""What became of callbacks: list those that were not told, tell them again, forget old ones, count."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Connection, cast, delete, func, select, text, update
from sqlalchemy.sql.elements import ColumnElement

from broker.domain.callback import CallbackState, Untold, UntoldCallback
from broker.domain.ids import new_id
from broker.storage.tables import UNTOLD, callbacks

c = callbacks.c


def untold(
    connection: Connection, which: Untold, *, after: str | None, limit: int
) -> tuple[list[UntoldCallback], str | None]:
    """Return callbacks by their ids, oldest messages first, and the id that the page ends with if there are more."""
    wanted = _wanted(which)
    if after is not None:
        wanted.append(c.id > after)
    columns = [c[name] for name in UntoldCallback.__slots__]
    statement = select(*columns).where(*wanted).order_by(c.id).limit(limit + 1)
    found = [
        UntoldCallback(**{**row, "state": CallbackState(row["state"])})
        for row in connection.execute(statement).mappings()
    ]
    return found[:limit], found[limit - 1].id if len(found) > limit else None


def again(connection: Connection, which: Untold, *, now_ms: int, apart_ms: float) -> int:
    """Owe callbacks again, the oldest first, each so long after the one before it; return how many.

    All in one statement: while one of a URL is still held, the others would be held again.
    """
    place = func.row_number().over(order_by=c.id).label("place")
    chosen = select(c.id, place).where(*_wanted(which)).subquery()
    fresh: Mapping[str, Any] = {
        "state": CallbackState.OWED,
        "due_at": now_ms + _whole((chosen.c.place - 1) * apart_ms),
        "ends_at": None,
        "attempts": 0,
    }
    return connection.execute(update(callbacks).where(c.id == chosen.c.id).values(**fresh)).rowcount


def _whole(number: ColumnElement[Any]) -> ColumnElement[int]:
    return cast(number, BigInteger)


def forget(connection: Connection, *, before: datetime, after: str, limit: int) -> tuple[int, str | None]:
    """Delete callbacks of messages from before a time that are told or given up, in the order of their ids.

    Looks at `limit` of them, from `after` on; returns how many are gone, and how far it came if there may be more.
    """
    # A callback's id begins with its message's, and those begin with the time: no index is needed for this alone.
    edge = new_id(round(before.timestamp() * 1000))[:13]
    rows = connection.execute(
        select(c.id, c.state).where(c.id > after, c.id < edge).order_by(c.id).limit(limit)
    ).all()
    over = [row.id for row in rows if row.state in (CallbackState.TOLD, CallbackState.GIVEN_UP)]
    if over:
        connection.execute(delete(callbacks).where(c.id.in_(over)))
    return len(over), rows[-1].id if len(rows) == limit else None


def counts(connection: Connection) -> dict[str, int]:
    """Return how many callbacks are owed, held, and were given up and kept, and the Unix ms of the oldest owed one."""
    owed = connection.execute(select(func.count(), func.min(c.at)).where(c.due_at.is_not(None))).one()
    standing = select(c.state, func.count()).where(text(UNTOLD)).group_by(c.state)
    by_state = {row[0]: row[1] for row in connection.execute(standing)}
    oldest = owed[1]
    return {
        "owed": owed[0],
        "oldest_ms": round(oldest.timestamp() * 1000) if oldest is not None else 0,
        "held": by_state.get(CallbackState.HELD, 0),
        "kept": by_state.get(CallbackState.GIVEN_UP, 0),
    }


def waiting(connection: Connection) -> Sequence[str]:
    """Return the endpoints for which anything is owed."""
    found: list[str] = []
    while True:
        last = found[-1] if found else ""
        name = connection.execute(
            select(func.min(c.endpoint)).where(c.due_at.is_not(None), c.endpoint > last)
        ).scalar()
        if name is None:
            return found
        found.append(name)


def _wanted(which: Untold) -> list[ColumnElement[bool]]:
    wanted: list[ColumnElement[bool]] = [text(UNTOLD), c.state.in_(which.states)]  # type: ignore[list-item]
    if which.account is not None:
        wanted.append(c.account == which.account)
    if which.since is not None:
        wanted.append(c.at >= which.since)
    if which.until is not None:
        wanted.append(c.at < which.until)
    return wanted
