"""What became of callbacks: list those that were not told, tell them again, forget old ones, count."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, bindparam, delete, func, select, text, update
from sqlalchemy.sql.elements import ColumnElement

from broker.domain.callback import CallbackState, Untold, UntoldCallback
from broker.domain.ids import new_id
from broker.storage.tables import UNTOLD, callbacks

c = callbacks.c

_AGAIN = (
    update(callbacks)
    .where(c.id == bindparam("b_id"), text(UNTOLD))
    .values(state=CallbackState.OWED, due_at=bindparam("b_due_at"), ends_at=None, attempts=0)
)


def untold(
    connection: Connection, which: Untold, *, after: str | None, limit: int
) -> tuple[list[UntoldCallback], str | None]:
    """Return callbacks by their ids, oldest messages first, and the id that the page ends with if there are more."""
    columns = [c[name] for name in UntoldCallback.__slots__]
    rows = [
        row
        for state in which.states
        for row in connection.execute(_chosen(which, state, columns, after, limit + 1)).mappings()
    ]
    found = [
        UntoldCallback(**{**row, "state": CallbackState(row["state"])})
        for row in sorted(rows, key=lambda row: row["id"])
    ]
    return found[:limit], found[limit - 1].id if len(found) > limit else None


def number(connection: Connection, which: Untold, *, most: int | None = None) -> int:
    """Return how many callbacks were not told; with `most`, one more says that there are more."""
    each = (_chosen(which, state, [c.id], None, None if most is None else most + 1) for state in which.states)
    return sum(
        connection.execute(select(func.count()).select_from(one.order_by(None).subquery())).scalar_one()
        for one in each
    )


def again(
    connection: Connection, which: Untold, *, after: str | None, limit: int, first_ms: float, apart_ms: float
) -> list[str]:
    """Owe the first callbacks after one again, the oldest first, each so long after the one before; return their ids.

    While one of a URL is still held, the others would be held again: let none be due before the last batch is in.
    """
    ids = sorted(
        one
        for state in which.states
        for one in connection.execute(_chosen(which, state, [c.id], after, limit)).scalars()
    )[:limit]
    if ids:
        rows = [{"b_id": one, "b_due_at": int(first_ms + n * apart_ms)} for n, one in enumerate(ids)]
        connection.execute(_AGAIN, rows)
    return ids


def _chosen(
    which: Untold, state: CallbackState, columns: Sequence[Any], after: str | None, limit: int | None
) -> Select[Any]:
    """Return what chooses callbacks in one state, along the index of that state or of an endpoint's."""
    wanted: list[ColumnElement[bool]] = [text(UNTOLD), c.state == state]  # type: ignore[list-item]
    if after is not None:
        wanted.append(c.id > after)
    if which.endpoint is not None:
        wanted.append(c.endpoint == which.endpoint)
    if which.account is not None:
        wanted.append(c.account == which.account)
    if which.since is not None:
        wanted.append(c.at >= which.since)
    if which.until is not None:
        wanted.append(c.at < which.until)
    return select(*columns).where(*wanted).order_by(c.id).limit(limit)


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
