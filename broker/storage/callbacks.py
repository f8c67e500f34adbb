"""Callbacks: what customers are owed, and when to try again."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import Connection, bindparam, delete, exists, func, or_, select, update
from sqlalchemy.sql.elements import ColumnElement

from broker.domain.callback import CallbackState
from broker.domain.status import Status
from broker.storage.tables import callbacks
from broker.storage.writing import insert_ignore

c = callbacks.c

WHOLE = frozenset({Status.READY, Status.INCOMPLETE})
"""What became of an arrival with media; its text need not be told ahead of it any more."""

_OUTCOME: Mapping[str, Any] = {
    "begun": 0,
    **{name: bindparam(f"b_{name}") for name in ("state", "due_at", "http_status", "error")},
}

APART_MS = 5_000
"""Between two callbacks that may have killed their workers: each is tried while no other of them is."""
_SETTLE = update(callbacks).where(c.id == bindparam("b_id"), c.state == CallbackState.OWED).values(**_OUTCOME)
_TOLD = (
    update(callbacks)
    .where(c.id == bindparam("b_id"), or_(c.state == CallbackState.OWED, c.state == CallbackState.HELD))
    .values(**_OUTCOME)
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Owing:
    """News that an account is to be told from `due_at` on, until `ends_at` (Redis's clock, ms)."""

    message_id: str
    account: str
    status: Status
    at: datetime
    url: str
    due_at: int
    ends_at: int
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """An owed callback that is claimed for a try; `attempts` counts this one.

    `begun` is how many tries have begun, with this one, since anybody said how one ended.
    """

    id: str
    message_id: str
    seq: int
    account: str
    status: Status
    detail: str
    at: datetime
    url: str
    endpoint: str
    attempts: int
    ends_at: int
    begun: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """What came of a try: where the callback stands now, and when to try again (Redis's clock, ms)."""

    id: str
    state: CallbackState
    due_at: int | None = None
    http_status: int | None = None
    error: str = ""


def id_of(message_id: str, status: Status) -> str:
    """Return the id of the one callback of a message and status; without a full stop, which signatures cannot have."""
    return f"{message_id}_{status}"


def endpoint_of(account: str, url: str) -> str:
    """Return what stands and falls together: the account with the host and port of a URL, whoever asks there."""
    return f"{account} {urlsplit(url).netloc.lower().rpartition('@')[2]}"


def owe(connection: Connection, owing: Sequence[Owing]) -> None:
    """Enter callbacks; one that is there already stays as it is."""
    if not owing:
        return
    early = [id_of(item.message_id, Status.FETCHING) for item in owing if item.status in WHOLE]
    if early:
        connection.execute(delete(callbacks).where(c.id.in_(early), c.attempts == 0))
    seq = _last_seqs(connection, {item.message_id for item in owing})
    rows = []
    for item in owing:
        seq[item.message_id] = seq.get(item.message_id, 0) + 1
        rows.append(_row(item, seq[item.message_id]))
    connection.execute(insert_ignore(connection, callbacks), rows)


def endpoints(connection: Connection, now_ms: int) -> list[str]:
    """Return the endpoints for which something is due."""
    # From one endpoint to the next through the index, so that a long queue for one does not cost the others.
    first = select(_next(c.due_at.is_not(None)).label("endpoint")).cte("waiting", recursive=True)
    follow = select(_next(c.due_at.is_not(None), c.endpoint > first.c.endpoint))
    waiting = first.union_all(follow.where(first.c.endpoint.is_not(None)))
    is_due = exists().where(c.endpoint == waiting.c.endpoint, c.due_at <= now_ms)
    return list(connection.execute(select(waiting.c.endpoint).where(is_due)).scalars())


def claim(
    connection: Connection, shares: Mapping[str, int], *, now_ms: int, until_ms: int, ends_at: int
) -> list[Due]:
    """Return what is due, at most its share for each endpoint, and leave it to the caller until `until_ms`.

    What is for a URL that has said 410 is held instead. `ends_at` is for what has no end of its own yet.
    """
    found = [name for pair in shares.items() for name in _first(connection, *pair, now_ms)]
    if not found:
        return []
    other = callbacks.alias()
    gone = exists().where(
        other.c.account == c.account, other.c.url == c.url, other.c.state == CallbackState.HELD
    )
    hold = update(callbacks).where(c.id.in_(found), gone)
    connection.execute(hold.values(state=CallbackState.HELD, due_at=None))
    take = (
        update(callbacks)
        .where(c.id.in_(found), c.due_at <= now_ms)
        .values(
            attempts=c.attempts + 1,
            begun=c.begun + 1,
            due_at=until_ms,
            ends_at=func.coalesce(c.ends_at, ends_at),
        )
        .returning(*(c[name] for name in Due.__slots__))
    )
    rows = connection.execute(take).mappings()
    return [Due(**{**row, "status": Status(row["status"])}) for row in rows]


def earlier(connection: Connection, due: Sequence[Due]) -> dict[str, frozenset[Status]]:
    """Return by their ids what the callbacks before these say of the same message, told or not."""
    ids = sorted({item.message_id for item in due if item.seq > 1})
    if not ids:
        return {}
    told: dict[str, list[tuple[int, Status]]] = {}
    for row in connection.execute(select(c.message_id, c.seq, c.status).where(c.message_id.in_(ids))):
        told.setdefault(row.message_id, []).append((row.seq, Status(row.status)))
    return {
        item.id: frozenset(status for seq, status in told.get(item.message_id, ()) if seq < item.seq)
        for item in due
    }


def settle(connection: Connection, tried: Sequence[Tried]) -> None:
    """Write what came of tries. What was told meanwhile stays told; what was held meanwhile stays held if untold."""
    for statement, is_told in ((_TOLD, True), (_SETTLE, False)):
        rows = [_outcome(item) for item in tried if (item.state is CallbackState.TOLD) is is_told]
        if rows:
            connection.execute(statement, rows)


def again(connection: Connection, ids: Sequence[str], *, due_at: int) -> None:
    """Owe callbacks again that were given up, from `due_at` on and for the whole time."""
    fresh = {"state": CallbackState.OWED, "due_at": due_at, "ends_at": None, "attempts": 0, "begun": 0}
    here = (c.id.in_(ids), c.state == CallbackState.GIVEN_UP)
    connection.execute(update(callbacks).where(*here).values(**fresh))


def release(connection: Connection, due: Sequence[Due], *, now_ms: int) -> None:
    """Undo the claim of callbacks that may have killed their workers, and keep them apart from one another."""
    statement = (
        update(callbacks)
        .where(c.id == bindparam("b_id"))
        .values(attempts=c.attempts - 1, begun=c.begun - 1, due_at=bindparam("b_due_at"))
    )
    rows = [{"b_id": item.id, "b_due_at": now_ms + APART_MS * n} for n, item in enumerate(due, start=1)]
    if rows:
        connection.execute(statement, rows)


def over(connection: Connection, endpoint: str, now_ms: int, *, limit: int) -> list[Due]:
    """Return what waits for an endpoint longer than it should."""
    statement = (
        select(*(c[name] for name in Due.__slots__))
        .where(c.endpoint == endpoint, c.due_at <= now_ms, c.ends_at <= now_ms)
        .limit(limit)
    )
    rows = connection.execute(statement).mappings()
    return [Due(**{**row, "status": Status(row["status"])}) for row in rows]


def resume(connection: Connection, account: str, url: str, *, to: str | None = None) -> None:
    """Try what is held for a URL again, from now on and for the whole time; with `to`, move all that is owed there."""
    here = (c.account == account, c.url == url)
    if to is not None and to != url:
        open_ = c.state.in_((CallbackState.OWED, CallbackState.HELD))
        moved = {"url": to, "endpoint": endpoint_of(account, to)}
        connection.execute(update(callbacks).where(*here, open_).values(**moved))
        here = (c.account == account, c.url == to)
    fresh = {"state": CallbackState.OWED, "due_at": 0, "ends_at": None, "attempts": 0}
    connection.execute(update(callbacks).where(*here, c.state == CallbackState.HELD).values(**fresh))


def _outcome(item: Tried) -> dict[str, Any]:
    return {
        "b_id": item.id,
        "b_state": item.state,
        "b_due_at": item.due_at,
        "b_http_status": item.http_status,
        "b_error": item.error,
    }


def _next(*where: ColumnElement[bool]) -> Any:
    return select(c.endpoint).where(*where).order_by(c.endpoint).limit(1).scalar_subquery()


def _first(connection: Connection, endpoint: str, most: int, now_ms: int) -> list[str]:
    statement = (
        select(c.id)
        .where(c.endpoint == endpoint, c.due_at <= now_ms)
        .order_by(c.due_at)
        .limit(most)
        .with_for_update(skip_locked=True)
    )
    return list(connection.execute(statement).scalars())


def _last_seqs(connection: Connection, ids: set[str]) -> dict[str, int]:
    statement = select(c.message_id, func.max(c.seq)).where(c.message_id.in_(sorted(ids)))
    return {row[0]: row[1] for row in connection.execute(statement.group_by(c.message_id))}


def _row(item: Owing, seq: int) -> dict[str, Any]:
    return {
        "id": id_of(item.message_id, item.status),
        "message_id": item.message_id,
        "seq": seq,
        "account": item.account,
        "status": item.status,
        "detail": item.detail,
        "at": item.at,
        "url": item.url,
        "endpoint": endpoint_of(item.account, item.url),
        "state": CallbackState.OWED,
        "attempts": 0,
        "due_at": item.due_at,
        "ends_at": item.ends_at,
        "error": "",
    }
