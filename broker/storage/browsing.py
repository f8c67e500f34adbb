"""Messages of all accounts, for operators: no list looks at more than it should."""

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, and_, func, select, text, union
from sqlalchemy.sql.elements import ColumnElement

from broker.domain.callback import Told
from broker.domain.ids import first_id_of, is_id
from broker.domain.message import Direction
from broker.domain.search import Found, Search
from broker.domain.status import Status
from broker.storage.endpoints import COLUMNS, told_of
from broker.storage.messages import load
from broker.storage.privacy_tables import redactions
from broker.storage.tables import ENDED_BADLY, accounts, callbacks, events, messages, submissions
from broker.storage.walking import LOOKED_AT, filters, walk

c = messages.c

NEW = 2_000
"""Most messages that are looked at to say how many are new: somebody asks every second."""
MOST_NAMED = 50
FAILED = 5_000
"""Most messages that ended badly of which is told why."""


def page(sql: Connection, search: Search, *, looked_at: int = LOOKED_AT) -> Found:
    """Return messages, the newest first, by walking down the primary key past at most `looked_at` of them."""
    within = walk(search).limit(looked_at).subquery("walked")
    wanted = select(within.c.id).where(*filters(within.c, search)).order_by(within.c.id.desc())
    ids = list(sql.execute(wanted.limit(search.limit + 1)).scalars())
    shown = ids[: search.limit]
    known = load(sql, shown)
    found = tuple(known[one] for one in shown)
    if len(ids) > search.limit:
        return Found(messages=found, older=shown[-1])
    last = sql.execute(
        walk(search).with_only_columns(c.id, c.created_at).offset(looked_at - 1).limit(1)
    ).first()
    if last is None:
        return Found(messages=found)
    return Found(messages=found, older=last.id, looked_to=last.created_at)


def newer(sql: Connection, search: Search, than: str, *, most: int, looked_at: int = NEW) -> int:
    """Return how many of the newest messages are newer than one and of a list, `most` at most."""
    within = walk(search).where(c.id > than).limit(looked_at).subquery("walked")
    found = select(within.c.id).where(*filters(within.c, search)).limit(most).subquery("found")
    return sql.execute(select(func.count()).select_from(found)).scalar_one()


def named(sql: Connection, name: str) -> list[str]:
    """Return the ids of messages that have a name: our id, a batch's, a carrier's, a customer's, or a number."""
    ways: list[ColumnElement[bool]] = [c.provider_ref == name]
    if is_id(name.lower()):
        ways += [c.id == name.lower(), c.batch == name.lower()]
    if name.isascii() and name.isdigit() and len(name) <= 18:  # noqa: PLR2004  # it fits the column
        ways.append(c.number == int(name))
    owners = select(accounts.c.name).scalar_subquery()
    ways.append(and_(c.account.in_(owners), c.reference == name))
    found: set[str] = set()
    for way in ways:  # each by an index of its own
        found.update(sql.execute(select(c.id).where(way).limit(MOST_NAMED)).scalars())
    return sorted(found, reverse=True)[:MOST_NAMED]


def account_of(sql: Connection, message_id: str) -> str | None:
    """Return whose a message is."""
    return sql.execute(select(c.account).where(c.id == message_id)).scalar()


def price(sql: Connection, message_id: str) -> tuple[int, bool]:
    """Return the units that a message costs, and whether they came from a credit."""
    row = sql.execute(select(c.units, c.prepaid).where(c.id == message_id)).first()
    return (0, False) if row is None else (row.units, row.prepaid)


def is_redacted(sql: Connection, message_id: str) -> bool:
    """Say whether a message's text was removed."""
    gone = select(redactions.c.message_id).where(redactions.c.message_id == message_id)
    return sql.execute(gone).first() is not None


def told(sql: Connection, message_id: str) -> list[Told]:
    """Return the callbacks of a message in their order."""
    k = callbacks.c
    rows = sql.execute(select(*COLUMNS).where(k.message_id == message_id).order_by(k.seq)).mappings()
    return [told_of(row) for row in rows]


def counts(sql: Connection, since: datetime | None) -> dict[tuple[Direction, Status], int]:
    """Return how many messages there are that were made since a moment, or at all, by direction and status."""
    statement = select(c.direction, c.status, func.count()).where(*_since(since))
    rows = sql.execute(statement.group_by(c.direction, c.status))
    return {(Direction(direction), Status(status)): number for direction, status, number in rows}


def causes(
    sql: Connection, since: datetime | None, *, most: int, looked_at: int = FAILED
) -> tuple[list[tuple[str, str, int]], int]:
    """Return why messages ended badly, the most frequent reasons first, and how many messages were looked at.

    Those are the newest that did, `looked_at` at most. A cause is a status, a reason, and how many.
    """
    newest = select(c.id, c.status).where(text(ENDED_BADLY), *_since(since)).order_by(c.id.desc())
    failed = newest.limit(looked_at)
    number = sql.execute(select(func.count()).select_from(failed.subquery("failed"))).scalar_one()
    return (_causes(sql, failed, most), number) if number else ([], 0)


def causes_over(
    sql: Connection,
    name: str,
    since: datetime,
    bad: tuple[Status, ...],
    *,
    most: int,
    looked_at: int = LOOKED_AT,
) -> list[tuple[str, str, int]]:
    """Return why messages ended badly that went by a connection, as `causes` does.

    Messages of its last `looked_at` attempts are looked at; and, for those that ended while they waited for it, as
    many of the newest messages of all.
    """
    s = submissions.c
    tried = select(s.message_id).where(s.connection == name, s.ended_at >= since)
    tried_ids = tried.order_by(s.ended_at.desc()).limit(looked_at).subquery("tried")
    newest = select(c.id, c.connection).where(*_since(since)).order_by(c.id.desc())
    walked = newest.limit(looked_at).subquery("walked")
    ids = union(select(tried_ids.c.message_id), select(walked.c.id).where(walked.c.connection == name))
    within = [c.id.in_(ids), *_since(since), c.connection == name, c.status.in_(bad)]
    return _causes(sql, select(c.id, c.status).where(*within), most)


def _causes(sql: Connection, ended: Select[Any], most: int) -> list[tuple[str, str, int]]:
    """Return the reasons of messages, which are told by id and status."""
    one = ended.subquery("ended").c
    reason = (
        select(one.status, events.c.detail, func.count().label("number"))
        .join(events, and_(events.c.message_id == one.id, events.c.status == one.status))
        .group_by(one.status, events.c.detail)
        .order_by(func.count().desc(), events.c.detail)
        .limit(most)
    )
    return [(row[0], row[1], row[2]) for row in sql.execute(reason)]


def _since(since: datetime | None) -> list[ColumnElement[bool]]:
    return [] if since is None else [c.id >= first_id_of(since)]
