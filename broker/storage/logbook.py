"""The event log: entries of its own, beside what submissions and webhooks hold anyway."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson
from sqlalchemy import Column, Connection, RowMapping, Select, Table, and_, delete, func, or_, select, tuple_
from sqlalchemy.sql.elements import ColumnElement

from broker.domain.logbook import Entry, Kind, Level, LogQuery, Position, Way, at_least
from broker.storage.rows import dump_tags, load_tags
from broker.storage.tables import events, logbook, messages, submissions, webhooks
from broker.storage.webhooks import Webhook

BEGUN, LOGGED, ENDED, ARRIVED = range(4)
"""The rank of each source: the order of what happened in the same millisecond."""

IN_LOGBOOK = "logbook"
"""In the place of a submission's exchange: the log has entries of its own for it."""

_NUMBER_WIDTH = 20
LOOKED_AT = 5_000
"""Most entries that a page of some of them only looks at."""
READ = 300
"""Most webhooks that are read to find those of which something is wrong."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchanged:
    """A submission of one request that was taken at once: the record of message and attempt is all there is to say."""

    message_id: str
    number: int
    connection: str
    started_at: datetime
    ended_at: datetime
    http_status: int | None
    provider_ref: str | None
    originator: str
    recipient: str
    characters: int
    priority: str


Row = Entry | Exchanged | Webhook


def write(connection: Connection, entries: Sequence[Entry]) -> None:
    """Add entries to the log."""
    rows = [
        {
            "connection": entry.connection,
            "at": entry.at,
            "message_id": entry.message_id,
            "level": entry.level,
            "direction": entry.direction,
            "kind": entry.kind,
            "text": entry.text,
            "headers": orjson.dumps(dict(entry.headers)).decode(),
            "body": entry.body,
            "tags": dump_tags(entry.tags),
        }
        for entry in entries
    ]
    if rows:
        connection.execute(logbook.insert(), rows)


def page(
    connection: Connection, query: LogQuery, *, looked_at: int = LOOKED_AT, read: int = READ
) -> tuple[list[tuple[Position, Row]], Position | None]:
    """Return the rows that a page of the log is made of: enough of each source, in no order, with their places.

    The row that the last page ended in comes again, since only a part of what it says may have been shown. Where it
    looked at as many rows as it may, the last value is the place up to which nothing is missing.
    """
    about = None if query.message is None else _same_group(connection, query.message)
    sources = [_logged(connection, query, about, looked_at)]
    if query.least is Level.INFO:  # what is told of these in two lines went well
        sources += [(_exchanged(connection, query, about, rank), None) for rank in _ranks(query)]
    sources.append(_arrived(connection, query, about, read))
    ends = [end for _, end in sources if end is not None]
    nearest = min if query.oldest_first else max
    return [row for rows, _ in sources for row in rows], nearest(ends) if ends else None


def _ranks(query: LogQuery) -> Sequence[int]:
    """Return which lines of plain submissions are asked for: their requests, their answers, or both."""
    return {Way.OUT: (BEGUN,), Way.IN: (ENDED,)}.get(query.direction or Way.NONE, (BEGUN, ENDED))


def names(connection: Connection) -> set[str]:
    """Return the connections of which anything is kept, also those that are gone."""
    return {name for table in (logbook, webhooks) for name in _names(connection, table.c.connection)}


def forget(connection: Connection, name: str, *, before: datetime, limit: int) -> int:
    """Delete a connection's oldest entries and webhooks, at most `limit` of each; return how many."""
    return sum(
        _forget(connection, table, key, name, before, limit)
        for table, key in ((logbook, logbook.c.id), (webhooks, webhooks.c.digest))
    )


def _forget(
    connection: Connection, table: Table, key: Column[Any], name: str, before: datetime, limit: int
) -> int:
    oldest = (
        select(key)
        .where(table.c.connection == name, table.c.at < before)
        .order_by(table.c.at)
        .limit(limit)
        .subquery()
    )
    return connection.execute(delete(table).where(key.in_(select(oldest)))).rowcount


def _names(connection: Connection, column: Column[Any]) -> list[str]:
    """Return the values of a column from one to the next through its index."""
    found: list[str] = []
    while True:
        last = found[-1] if found else ""
        name = connection.execute(select(func.min(column)).where(column > last)).scalar()
        if name is None:
            return found
        found.append(name)


def _same_group(connection: Connection, message_id: str) -> tuple[str, ...]:
    """Return a message, with the one that leads its group: what was said of a group is written there."""
    row = connection.execute(select(messages.c.members).where(messages.c.id == message_id)).scalar()
    return (message_id, orjson.loads(row)[0]) if row else (message_id,)


def _logged(
    connection: Connection, query: LogQuery, about: Sequence[str] | None, looked_at: int
) -> tuple[list[tuple[Position, Row]], Position | None]:
    wanted = _page(select(logbook), query, logbook.c.connection, LOGGED, logbook.c.at, (logbook.c.id,))
    walked = wanted.limit(looked_at)
    if about is not None:
        wanted = wanted.where(logbook.c.message_id.in_(about))
    elif query.is_narrow:
        within = walked.subquery("walked")
        columns = (within.c.at, within.c.id)
        wanted = (
            select(within)
            .where(*_narrow(within.c, query))
            .order_by(*(columns if query.oldest_first else (one.desc() for one in columns)))
            .limit(query.limit + 2)
        )
    rows = [(_logged_at(row["at"], row["id"]), _entry(row)) for row in connection.execute(wanted).mappings()]
    if about is not None or not query.is_narrow or len(rows) == query.limit + 2:
        return list(rows), None
    last = connection.execute(
        walked.with_only_columns(logbook.c.at, logbook.c.id).offset(looked_at - 1).limit(1)
    ).first()
    return list(rows), None if last is None else _logged_at(last.at, last.id)


def _narrow(columns: Any, query: LogQuery) -> list[ColumnElement[bool]]:
    enough = [level for level in Level if at_least(level, query.least)]
    return [
        columns.level.in_(enough),
        *([] if query.direction is None else [columns.direction == query.direction]),
    ]


def _logged_at(at: datetime, number: int) -> Position:
    return Position(at_ms=_ms(at), rank=LOGGED, row=str(number).zfill(_NUMBER_WIDTH))


def _exchanged(
    connection: Connection, query: LogQuery, about: Sequence[str] | None, rank: int
) -> list[tuple[Position, Row]]:
    at = submissions.c.started_at if rank == BEGUN else submissions.c.ended_at
    keys = (submissions.c.message_id, submissions.c.number)
    sources = select(
        submissions.c.message_id,
        submissions.c.number,
        submissions.c.connection,
        submissions.c.started_at,
        submissions.c.ended_at,
        submissions.c.http_status,
        messages.c.provider_ref,
        messages.c.originator,
        messages.c.recipient,
        func.length(messages.c.text).label("characters"),
        messages.c.priority,
    ).join(messages, messages.c.id == submissions.c.message_id)
    plain = and_(submissions.c.exchange.is_(None), submissions.c.ended_at.is_not(None))
    wanted = _page(sources.where(plain), query, submissions.c.connection, rank, at, keys)
    if about is not None:
        wanted = wanted.where(submissions.c.message_id.in_(about))
    found: list[tuple[Position, Row]] = []
    for row in connection.execute(wanted).mappings():
        place = f"{row['message_id']}.{str(row['number']).zfill(_NUMBER_WIDTH)}"
        at_ms = _ms(row["started_at"] if rank == BEGUN else row["ended_at"])
        found.append((Position(at_ms=at_ms, rank=rank, row=place), Exchanged(**row)))
    return found


def _arrived(
    connection: Connection, query: LogQuery, about: Sequence[str] | None, read: int
) -> tuple[list[tuple[Position, Row]], Position | None]:
    keys = (webhooks.c.digest,)
    wanted = _page(select(webhooks), query, webhooks.c.connection, ARRIVED, webhooks.c.at, keys)
    if about is not None:
        heard = select(events.c.webhook).where(events.c.message_id.in_(about), events.c.webhook.is_not(None))
        wanted = wanted.where(webhooks.c.digest.in_(heard))
    choosy = about is None and query.least is not Level.INFO  # whether one is odd is known once it is read
    rows: list[tuple[Position, Row]] = [
        (Position(at_ms=_ms(row["at"]), rank=ARRIVED, row=row["digest"]), Webhook(**row))
        for row in connection.execute(wanted.limit(read) if choosy else wanted).mappings()
    ]
    return rows, rows[-1][0] if choosy and len(rows) == read else None


def _page(
    statement: Select[Any],
    query: LogQuery,
    name: Column[Any],
    rank: int,
    at: Column[Any],
    keys: Sequence[Column[Any]],
) -> Select[Any]:
    """Return a statement with the query's filters, order and place for one source."""
    # One more than wanted tells whether there is more; the row that the last page ended in may be told already.
    statement = statement.where(name == query.connection).limit(query.limit + 2)
    if query.since is not None:
        statement = statement.where(at >= query.since)
    if query.until is not None:
        statement = statement.where(at < query.until)
    if query.after is not None:
        statement = statement.where(_beyond(query.after, rank, at, keys, oldest_first=query.oldest_first))
    columns = (at, *keys)
    return statement.order_by(*(columns if query.oldest_first else (one.desc() for one in columns)))


def _beyond(
    after: Position, rank: int, at: Column[Any], keys: Sequence[Column[Any]], *, oldest_first: bool
) -> ColumnElement[bool]:
    """Return what holds for rows after a position, and for the row at it."""
    moment = datetime.fromtimestamp(after.at_ms / 1000, tz=UTC)
    later, place = at > moment if oldest_first else at < moment, at == moment
    if rank != after.rank:
        comes_after = rank > after.rank if oldest_first else rank < after.rank
        return or_(later, place) if comes_after else later
    ident, mine = tuple_(*keys), tuple_(*_key(after))
    return or_(later, and_(place, ident >= mine if oldest_first else ident <= mine))


def _key(position: Position) -> tuple[Any, ...]:
    if position.rank == LOGGED:
        return (int(position.row),)
    if position.rank == ARRIVED:
        return (position.row,)
    message_id, _, number = position.row.partition(".")
    return message_id, int(number)


def _entry(row: RowMapping) -> Entry:
    return Entry(
        at=row["at"],
        connection=row["connection"],
        kind=Kind(row["kind"]),
        text=row["text"],
        level=Level(row["level"]),
        direction=Way(row["direction"]),
        message_id=row["message_id"],
        headers=orjson.loads(row["headers"]),
        body=row["body"],
        tags=load_tags(row["tags"]),
    )


def _ms(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)
