"""Messages: add them, and move them as the state table says."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import orjson
from sqlalchemy import Connection, bindparam, or_, select, update

from broker.domain.charge import first_price, units_after
from broker.domain.message import Direction, Message
from broker.domain.status import ENDS, Event, Status, advance, is_late, sources
from broker.domain.value import value
from broker.storage import charging, history, repeats
from broker.storage.rows import IS_MMS, message_of, message_row, part_of, part_row
from broker.storage.tables import messages, parts
from broker.storage.writing import insert_ignore

FAILURES = frozenset({Event.MISS, Event.EXPIRE, Event.UNCONFIRM})
"""Bad news that is about one attempt only: an earlier attempt's does not end a later one."""

_SEEN = (
    "id", "status", "attempts", "connection", "provider_ref", "possible_duplicate", "due_at", "laned_at", "account",
    "valid_until", "callback_url", "units", "prepaid", "ended_at",
)  # fmt: skip
_SIGHT = (*(messages.c[name] for name in _SEEN), IS_MMS)
GUARDED = (
    update(messages)
    .where(messages.c.id == bindparam("b_id"), messages.c.status == bindparam("b_status"))
    .values(
        status=bindparam("b_to"),
        attempts=bindparam("b_attempts"),
        connection=bindparam("b_connection"),
        provider_ref=bindparam("b_provider_ref"),
        possible_duplicate=bindparam("b_possible_duplicate"),
        due_at=bindparam("b_due_at"),
        laned_at=bindparam("b_laned_at"),
        units=bindparam("b_units"),
        ended_at=bindparam("b_ended_at"),
        updated_at=bindparam("b_updated_at"),
    )
)
"""The one statement that writes a status: nothing happens where the status is no longer the one that was read."""


@value
class Move:
    """One event for one message.

    `key` is equal for repeats of the same news. `attempt` is the submission it is about: an outcome that came too
    late for its attempt moves nothing. `due_at` is when to look again (Redis's clock, ms). `webhook` is the digest of
    the one that told it.
    """

    id: str
    event: Event
    at: datetime
    key: str
    detail: str = ""
    attempt: int | None = None
    due_at: int | None = None
    connection: str | None = None
    provider_ref: str | None = None
    possible_duplicate: bool = False
    webhook: str | None = None


@value
class Moved:
    """What a move did, and to whose message."""

    id: str
    event: Event
    before: Status
    after: Status
    at: datetime
    account: str
    callback_url: str | None = None
    detail: str = ""
    connection: str | None = None
    is_mms: bool = False


@value
class Fresh:
    """A message on its way into the record, and what happens to it there at once; `laned_at` as in its row."""

    message: Message
    event: Event | None
    due_at: int | None = None
    laned_at: int | None = None
    connection: str | None = None
    inbound_key: str | None = None
    detail: str = ""
    webhook: str | None = None


def add(connection: Connection, fresh: Sequence[Fresh]) -> set[str]:
    """Insert messages with their parts and first events; return the ids that were not there before."""
    rows = [_row(item) for item in fresh]
    if not rows:
        return set()
    statement = insert_ignore(connection, messages).returning(messages.c.id)
    added = set(connection.execute(statement, rows).scalars())
    news = [item for item in fresh if item.message.id in added]
    if news:
        history.begin(connection, [(item.message, item.event, item.detail, item.webhook) for item in news])
        charging.charge(connection, [(item.message, _status(item)) for item in news])
    pieces = [part_row(item.message.id, part) for item in news for part in item.message.parts]
    if pieces:
        connection.execute(parts.insert(), pieces)
    return added


def traces(connection: Connection, ids: Sequence[str]) -> dict[str, str]:
    """Return the `traceparent` of those messages whose requests are traced."""
    wanted = select(messages.c.id, messages.c.trace).where(
        messages.c.id.in_(ids), messages.c.trace.is_not(None)
    )
    return {row.id: row.trace for row in connection.execute(wanted)}


def move(
    connection: Connection, moves: Sequence[Move], *, deadlines: Mapping[Status, int] | None = None
) -> list[Moved]:
    """Apply events in order, as the table says, and return what moved; keep every event, moved or not.

    `deadlines` says when to look again at a message that reaches a state, unless its move says so itself; at an end
    nobody looks again.
    """
    seen = _look(connection, {item.id for item in moves})
    before = {identifier: dict(row) for identifier, row in seen.items()}
    moved: list[Moved] = []
    kept: list[dict[str, Any]] = []
    touched: set[str] = set()
    for item in moves:
        row = seen.get(item.id)
        if row is None:
            continue
        was = Status(row["status"])
        after = None if _is_stale(item, row) else advance(was, item.event)
        if repeats.shows(row, item.event, item.attempt):
            row["possible_duplicate"] = True
            touched.add(item.id)
        late = "late; " if after is not None and is_late(was, item.event) else ""
        told = late + item.detail
        kept.append(history.event_row(item.id, item.key, item.at, item.event, after, told, item.webhook))
        if after is not None:
            _apply(row, item, after, deadlines or {})
            moved.append(_moved(item, was, after, row, late + item.detail))
            touched.add(item.id)
        elif item.provider_ref and not row["provider_ref"]:
            row["provider_ref"] = item.provider_ref  # the report overtook the receipt
            touched.add(item.id)
    if touched:
        now = datetime.now(UTC)
        connection.execute(GUARDED, [_change(before[name], seen[name], now) for name in sorted(touched)])
        charging.settle(connection, before, seen, touched)
    history.keep(connection, kept)
    return moved


def _moved(item: Move, before: Status, after: Status, row: Mapping[str, Any], detail: str) -> Moved:
    return Moved(
        id=item.id,
        event=item.event,
        before=before,
        after=after,
        at=item.at,
        account=row["account"],
        callback_url=row["callback_url"],
        detail=detail,
        connection=row["connection"],
        is_mms=bool(row["is_mms"]),
    )


def load(connection: Connection, ids: Iterable[str]) -> dict[str, Message]:
    """Return messages with their parts, by id."""
    wanted = list(ids)
    found = connection.execute(select(messages).where(messages.c.id.in_(wanted))).mappings().all()
    pieces: dict[str, list[Any]] = {}
    for row in connection.execute(
        select(parts).where(parts.c.message_id.in_(wanted)).order_by(parts.c.message_id, parts.c.idx)
    ).mappings():
        pieces.setdefault(row["message_id"], []).append(part_of(row))
    return {row["id"]: message_of(row, pieces.get(row["id"], ())) for row in found}


def claimable(connection: Connection, ids: Sequence[str], now_ms: int) -> dict[str, Message]:
    """Return those of the messages that wait and are due, or in a lane, locked; a group's leader brings the others."""
    wanted = set(ids)
    for row in connection.execute(
        select(messages.c.members).where(messages.c.id.in_(sorted(wanted)), messages.c.members.is_not(None))
    ):
        wanted.update(orjson.loads(row.members))
    statement = (
        select(messages.c.id)
        .where(
            messages.c.id.in_(sorted(wanted)),
            messages.c.status.in_(sources(Event.CLAIM)),
            or_(messages.c.due_at <= now_ms, messages.c.laned_at.is_not(None)),
        )
        .order_by(messages.c.id)
        .with_for_update()
    )
    return load(connection, connection.execute(statement).scalars().all())


def postpone(connection: Connection, due_at: Mapping[str, int]) -> None:
    """Let messages wait until the given times (Redis's clock, ms), in no lane, without any event."""
    if due_at:
        statement = (
            update(messages)
            .where(messages.c.id == bindparam("b_id"))
            .values(due_at=bindparam("b_due_at"), laned_at=None)
        )
        connection.execute(statement, [{"b_id": name, "b_due_at": due} for name, due in due_at.items()])


def _look(connection: Connection, ids: set[str]) -> dict[str, dict[str, Any]]:
    # The rows stay locked until the commit (PostgreSQL) or we are the only writer (SQLite), so that what was read
    # still holds when the guarded update runs. A fixed order keeps two transactions from waiting for each other.
    statement = (
        select(*_SIGHT).where(messages.c.id.in_(sorted(ids))).order_by(messages.c.id).with_for_update()
    )
    return {row["id"]: dict(row) for row in connection.execute(statement).mappings()}


def _is_stale(item: Move, row: Mapping[str, Any]) -> bool:
    if item.attempt is None or item.attempt == row["attempts"]:
        return False
    return item.event in FAILURES or item.event in {Event.DEFER, Event.REFUSE, Event.GIVE_UP, Event.LOSE}


def _apply(row: dict[str, Any], item: Move, after: Status, deadlines: Mapping[Status, int]) -> None:
    perhaps_sent = bool(row["possible_duplicate"] or row["provider_ref"])
    row["units"] = units_after(row["units"], Status(row["status"]), after, perhaps_sent=perhaps_sent)
    row["status"] = after
    row["ended_at"] = item.at if after in ENDS else None
    row["due_at"] = None
    if after not in ENDS:  # an open state without a time of its own ends with the message's validity
        row["due_at"] = item.due_at or deadlines.get(after) or round(row["valid_until"].timestamp() * 1000)
    row["laned_at"] = None
    row["attempts"] += item.event is Event.CLAIM
    row["connection"] = item.connection or row["connection"]
    row["provider_ref"] = item.provider_ref or row["provider_ref"]
    row["possible_duplicate"] = row["possible_duplicate"] or item.possible_duplicate


def _change(was: Mapping[str, Any], row: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    return {
        "b_id": row["id"],
        "b_status": was["status"],
        "b_to": row["status"],
        "b_attempts": row["attempts"],
        "b_connection": row["connection"],
        "b_provider_ref": row["provider_ref"],
        "b_possible_duplicate": row["possible_duplicate"],
        "b_due_at": row["due_at"],
        "b_laned_at": row["laned_at"],
        "b_units": row["units"],
        "b_ended_at": row["ended_at"],
        "b_updated_at": now,
    }


def _status(item: Fresh) -> Status:
    status = item.message.status if item.event is None else advance(item.message.status, item.event)
    if status is None:
        raise ValueError(f"{item.event} does not follow {item.message.status}")
    return status


def _row(item: Fresh) -> dict[str, Any]:
    message, status = item.message, _status(item)
    row = message_row(
        message,
        status=status,
        attempts=1 if item.event is Event.CLAIM else message.attempts,
        due_at=item.due_at,
        connection=item.connection or message.connection,
        inbound_key=item.inbound_key,
    )
    row["laned_at"] = item.laned_at
    row["units"] = first_price(status) if message.direction is Direction.OUT else 0
    row["ended_at"] = datetime.now(UTC) if status in ENDS else None
    if status not in ENDS and item.due_at is None:
        row["due_at"] = round(message.valid_until.timestamp() * 1000)  # every open state has an end
    return row
