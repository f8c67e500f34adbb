"""Endpoints of customers: what each is owed, what it was not told, what it said last, each within bounds."""

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Select, func, select, text, union_all
from sqlalchemy.sql.elements import ColumnElement

from broker.domain.callback import CallbackState, Told, UntoldCallback
from broker.domain.endpoint import EndpointStanding, LastAnswer
from broker.storage.tables import UNTOLD, callbacks

c = callbacks.c

MOST_COUNTED = 10_000
"""So many of one endpoint are counted in each state; one more says that there are more."""
NEWEST = 5_000
"""So many of the newest callbacks are looked at to say what endpoints said last."""
MOST_MISSES = 50
"""So many endpoints of others in a row end the search for those of one account."""
LOOKED_AT = 20_000
"""Most callbacks that one page of a list looks at."""

COLUMNS = (*(c[name] for name in UntoldCallback.__slots__), c.attempts, c.due_at)


def names(sql: Connection, *, after: str, account: str, limit: int) -> list[str]:
    """Return endpoints, by name, for which something is owed, held, or was given up: from one to the next by index."""
    found: list[str] = []
    last, misses = after or account, 0
    while len(found) < limit and misses < MOST_MISSES:
        each = [
            select(func.min(c.endpoint).label("name")).where(c.endpoint > last, some)
            for some in (c.due_at.is_not(None), text(UNTOLD))
        ]
        following = union_all(*each).subquery("following")
        name = sql.execute(select(func.min(following.c.name))).scalar()
        if name is None:
            break
        last = name
        if not account or name.startswith(f"{account} "):
            found.append(name)
        else:  # how names are sorted is the database's business: what begins alike need not stand together
            misses += 1
    return found


def standing(
    sql: Connection, name: str, last: LastAnswer | None, *, most: int = MOST_COUNTED
) -> EndpointStanding:
    """Return how an endpoint stands; `last` is what it said last, where that is among the newest."""
    held, given_up = (
        _count(sql, c.endpoint == name, text(UNTOLD), c.state == state, most=most)
        for state in (CallbackState.HELD, CallbackState.GIVEN_UP)
    )
    owed = _count(sql, c.endpoint == name, c.due_at.is_not(None), most=most)
    return EndpointStanding(
        name=name, owed=owed, held=held, given_up=given_up, last=last or _last_of(sql, name)
    )


def lately(sql: Connection, *, most: int = NEWEST) -> dict[str, LastAnswer]:
    """Return, of the newest callbacks, what each endpoint said last, and how many it was told and was not."""
    columns = (c.endpoint, c.state, c.attempts, c.http_status, c.error, c.at)
    last: dict[str, Any] = {}
    counts: Counter[tuple[str, str]] = Counter()
    for row in sql.execute(select(*columns).order_by(c.id.desc()).limit(most)):
        counts[row.endpoint, row.state] += 1
        if row.attempts:
            last.setdefault(row.endpoint, row)
    return {
        name: LastAnswer(
            http_status=row.http_status,
            error=row.error,
            at=row.at,
            told=counts[name, CallbackState.TOLD],
            lost=counts[name, CallbackState.HELD] + counts[name, CallbackState.GIVEN_UP],
            owed=counts[name, CallbackState.OWED],
        )
        for name, row in last.items()
    }


def owed(sql: Connection, name: str, *, limit: int) -> list[Told]:
    """Return what an endpoint is owed, what is due first."""
    wanted = select(*COLUMNS).where(c.endpoint == name, c.due_at.is_not(None)).order_by(c.due_at)
    return [told_of(row) for row in sql.execute(wanted.limit(limit)).mappings()]


def newest(
    sql: Connection,
    state: CallbackState,
    *,
    account: str,
    name: str,
    before: str,
    limit: int,
    looked_at: int = LOOKED_AT,
) -> tuple[list[Told], str]:
    """Return callbacks in a state, the newest messages first, by walking down the primary key.

    At most `looked_at` of them are looked at; the second value is where to go on from, empty where nothing is left.
    """
    walked = select(*COLUMNS, c.endpoint).order_by(c.id.desc()).limit(looked_at)
    if before:
        walked = walked.where(c.id < before)
    within = walked.subquery("walked")
    wanted = [within.c.state == state]
    wanted += [within.c.account == account] if account else []
    wanted += [within.c.endpoint == name] if name else []
    statement = select(within).where(*wanted).order_by(within.c.id.desc()).limit(limit + 1)
    rows = [told_of(row) for row in sql.execute(statement).mappings()]
    if len(rows) > limit:
        return rows[:limit], rows[limit - 1].callback.id
    end = sql.execute(walked.with_only_columns(c.id).offset(looked_at - 1).limit(1)).scalar()
    return rows, end or ""


def told_of(row: Any) -> Told:
    """Return a callback of a row of `COLUMNS`."""
    known = {name: row[name] for name in UntoldCallback.__slots__}
    due_at = None if row["due_at"] is None else datetime.fromtimestamp(row["due_at"] / 1000, tz=UTC)
    callback = UntoldCallback(**{**known, "state": CallbackState(row["state"])})
    return Told(callback=callback, tries=row["attempts"], due_at=due_at)


def _count(sql: Connection, *where: ColumnElement[bool] | Any, most: int) -> int:
    some = select(c.id).where(*where).limit(most + 1).subquery("some")
    return sql.execute(select(func.count()).select_from(some)).scalar_one()


def _last_of(sql: Connection, name: str) -> LastAnswer:
    """Return what an endpoint said last that is not among the newest: of what it was not told, or is tried latest."""
    columns = (c.id, c.http_status, c.error, c.at)
    ways: Sequence[Select[Any]] = [
        select(*columns)
        .where(c.endpoint == name, text(UNTOLD), c.state == state)
        .order_by(c.id.desc())
        .limit(1)
        for state in (CallbackState.HELD, CallbackState.GIVEN_UP)
    ]
    tried = select(*columns).where(c.endpoint == name, c.due_at.is_not(None), c.attempts > 0)
    rows = [row for way in (*ways, tried.order_by(c.due_at.desc()).limit(1)) for row in sql.execute(way)]
    if not rows:
        return LastAnswer()
    row = max(rows, key=lambda one: one.id)
    return LastAnswer(http_status=row.http_status, error=row.error, at=row.at)
