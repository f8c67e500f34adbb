"""Find a number in every table, and put its keyed name in its place."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import Column, ColumnElement, Connection, case, delete, func, or_, select, text, update

from broker.domain.address import mask
from broker.domain.message import PartState
from broker.storage.optout_tables import opt_out_changes, opt_outs
from broker.storage.redaction import NOTHING, blank_texts, remove_parts
from broker.storage.tables import callbacks, events, logbook, messages, parked, parts, submissions, webhooks

m = messages.c
_NORTH_AMERICAN = len("+12025550101")
_IN_BODY = text("position(CAST(:needle AS bytea) IN body) > 0")


def edge(connection: Connection, column: Column[Any], after: str, limit: int) -> str | None:
    """Return the key that ends the next `limit` rows, or None where there are no more rows than that."""
    wanted = select(column).where(column > after).order_by(column).offset(limit - 1).limit(1)
    return connection.execute(wanted).scalar()


def of_number(connection: Connection, number: str, *, after: str, upto: str | None) -> list[str]:
    """Return the messages from or to a number, or that name it beside others, within a range of ids."""
    digits = needle_of(number)
    wanted = select(m.id).where(
        m.id > after,
        or_(m.originator == number, m.recipient == number, m.tags.contains(digits, autoescape=True)),
    )
    if upto is not None:
        wanted = wanted.where(m.id <= upto)
    return list(connection.execute(wanted.order_by(m.id)).scalars())


def own(connection: Connection, ids: Sequence[str], number: str) -> list[str]:
    """Return those of the messages that are from or to a number."""
    wanted = select(m.id).where(m.id.in_(ids), or_(m.originator == number, m.recipient == number))
    return list(connection.execute(wanted).scalars())


def with_groups(connection: Connection, ids: Sequence[str]) -> list[str]:
    """Return messages with all others of their groups."""
    rows = connection.execute(select(m.members).where(m.id.in_(ids), m.members.is_not(None))).scalars()
    return sorted({*ids, *(name for members in rows for name in orjson.loads(members))})


def shared_files(connection: Connection, ids: Sequence[str], number: str) -> list[str]:
    """Return the files of messages that others of their groups have too."""
    others = [name for name in with_groups(connection, ids) if name not in set(ids)]
    wanted = (
        select(parts.c.path)
        .join(messages, m.id == parts.c.message_id)
        .where(
            m.id.in_(others), m.recipient != number, m.originator != number, parts.c.state == PartState.STORED
        )
    )
    return [path for path in connection.execute(wanted).scalars() if path]


def erase_messages(connection: Connection, ids: Sequence[str], number: str, name: str, at: datetime) -> int:
    """Erase a number from messages: text, files' names, notes and the number itself; return how many were its own."""
    its = own(connection, ids, number)
    blank_texts(connection, its, at)
    remove_parts(connection, its)
    values = {
        "originator": case((m.originator == number, name), else_=m.originator),
        "recipient": case((m.recipient == number, name), else_=m.recipient),
        "reference": case(
            (m.reference.contains(needle_of(number), autoescape=True), None), else_=m.reference
        ),
        "callback_url": _named(m.callback_url, number, name),
        "tags": "[]",
        "note": None,
    }
    connection.execute(update(messages).where(m.id.in_(its)).values(**values))
    connection.execute(update(messages).where(m.id.in_(ids)).values(tags=_named(m.tags, number, name)))
    connection.execute(delete(logbook).where(logbook.c.message_id.in_(its)))
    for table, key, columns in (
        (events, events.c.message_id, (events.c.detail, events.c.key)),
        (submissions, submissions.c.message_id, (submissions.c.error,)),
        (callbacks, callbacks.c.message_id, (callbacks.c.detail, callbacks.c.error, callbacks.c.url)),
    ):
        changes = {column.name: _named(column, number, name) for column in columns}
        connection.execute(update(table).where(key.in_(ids)).values(**changes))
    return len(its)


def erase_webhooks(connection: Connection, number: str, *, after: str, upto: str | None) -> int:
    """Empty the carriers' webhooks that name a number, within a range of digests; return how many."""
    needle = needle_of(number).encode()
    where: ColumnElement[bool] = func.instr(webhooks.c.body, needle) > 0
    if connection.dialect.name == "postgresql":
        where = _IN_BODY.bindparams(needle=needle)  # type: ignore[assignment]
    change = update(webhooks).where(webhooks.c.digest > after, where)
    if upto is not None:
        change = change.where(webhooks.c.digest <= upto)
    return connection.execute(change.values(body=NOTHING)).rowcount


def erase_parked(connection: Connection, number: str) -> int:
    """Delete parked news of a number; return how much."""
    named = parked.c.news.contains(needle_of(number), autoescape=True)
    return connection.execute(delete(parked).where(named)).rowcount


def erase_opt_outs(connection: Connection, number: str, name: str) -> int:
    """Erase a number from opt-outs and their proof; they stay in force. Return how many rows."""
    count = 0
    for table in (opt_outs, opt_out_changes):
        change = update(table).where(table.c.recipient == number)
        values = {"recipient": name, "text": "", "reason": _named(table.c.reason, number, name)}
        count += connection.execute(change.values(**values)).rowcount
    return count


def _named(column: Column[Any], number: str, name: str) -> Any:
    """Return a column's text with a keyed name wherever it has the number, with plus or without, or masked."""
    shown: Any = column
    for spelling in _spellings(number):
        shown = func.replace(shown, spelling, name)
    return shown


def needle_of(number: str) -> str:
    """Return what every spelling of a number has in it: its digits, in North America those without the country's."""
    return (
        number[2:] if number.startswith("+1") and len(number) == _NORTH_AMERICAN else number.removeprefix("+")
    )


def _spellings(number: str) -> Collection[str]:
    digits = number.removeprefix("+")
    return dict.fromkeys((number, digits, needle_of(number), mask(number), mask(digits)))
