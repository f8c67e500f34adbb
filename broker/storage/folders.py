"""Customers' folders: what is in them, and what their customers did with it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, TextClause, and_, case, func, or_, select, text, update

from broker.domain.folder import STATUSES, Folder, folder_of
from broker.domain.message import Direction
from broker.domain.record import Record
from broker.domain.status import Status
from broker.storage.messages import load
from broker.storage.tables import IN_INBOX, messages

c = messages.c
Where = ColumnElement[bool] | TextClause
Counts = Mapping[tuple[Direction, Status, bool, bool], int]
"""How many there are by direction, status, whether taken by their carrier, and whether deleted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """One message as its customer's folders see it; of a `group`, which is one submission."""

    id: str
    direction: Direction
    status: Status
    folder: Folder
    group: bool


def named(connection: Connection, names: Iterable[str], *, account: str) -> dict[str, Kept]:
    """Return an account's messages by what it calls them: our ids, or its own in any case of their letters.

    Of several with one name of the customer's, the newest is meant.
    """
    wanted = list(names)
    spellings: dict[str, list[str]] = {}
    for name in wanted:
        for spelling in {name.upper(), name.lower(), name}:
            spellings.setdefault(spelling, []).append(name)
    sight = select(c.id, c.reference, c.direction, c.status, c.provider_ref, c.deleted_at, c.members)
    found: dict[str, Kept] = {}
    by_own = sight.where(c.account == account, c.reference.in_(list(spellings)))
    # Sorted here: asked to, SQLite would go through all that the account has by the index on its ids.
    for row in sorted(connection.execute(by_own), key=lambda row: str(row.id)):
        found |= dict.fromkeys(spellings[row.reference], _kept(row))
    by_ours = sight.where(c.account == account, c.id.in_([name.lower() for name in wanted]))
    for row in connection.execute(by_ours):
        found |= dict.fromkeys(spellings[row.id], _kept(row))
    return found


def listed(
    connection: Connection,
    folder: Folder,
    *,
    account: str,
    limit: int,
    unmarked: bool,
    now_ms: int,
    text_before: datetime,
) -> list[str]:
    """Return the ids of what is in a folder: of the inbox the oldest first, of others the newest.

    What somebody is being given to keep is not there. Nor is an arrival that waits for its media, unless it came
    before `text_before`.
    """
    if folder is Folder.INBOX:
        where = [*_inbox(account, text_before, unmarked=unmarked), _free(now_ms)]
        statement = select(c.id).where(*where).order_by(c.id)
    else:
        statement = select(c.id).where(c.account == account, _is_in(folder)).order_by(c.id.desc())
    return list(connection.execute(statement.limit(limit)).scalars())


def hold(
    connection: Connection, *, account: str, limit: int, now_ms: int, until_ms: int, text_before: datetime
) -> list[str]:
    """Return the ids of what waits in the inbox, the oldest first, and leave it to the caller until `until_ms`."""
    free = (
        select(c.id)
        .where(*_inbox(account, text_before, unmarked=True), _free(now_ms))
        .order_by(c.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    ids = list(connection.execute(free).scalars())
    if ids:
        connection.execute(update(messages).where(c.id.in_(ids)).values(held_until=until_ms))
    return ids


def release(connection: Connection, ids: Sequence[str]) -> None:
    """Let others be given messages that were held."""
    connection.execute(update(messages).where(c.id.in_(ids)).values(held_until=None))


def mark(connection: Connection, ids: Sequence[str], *, at: datetime) -> None:
    """Say that the customer has marked messages, unless it has before."""
    where = (c.id.in_(ids), c.marked_at.is_(None))
    connection.execute(update(messages).where(*where).values(marked_at=at, held_until=None))


def delete(connection: Connection, ids: Sequence[str], *, at: datetime) -> None:
    """Say that the customer has put messages away, unless it has before."""
    where = (c.id.in_(ids), c.deleted_at.is_(None))
    connection.execute(update(messages).where(*where).values(deleted_at=at, held_until=None))


def records(connection: Connection, ids: Sequence[str]) -> list[Record]:
    """Return messages in the order of their ids as given, without their history."""
    found = load(connection, ids)
    rows = connection.execute(select(c.id, c.updated_at, c.deleted_at).where(c.id.in_(ids)))
    known = {row.id: row for row in rows}
    return [
        Record(message=found[name], updated_at=known[name].updated_at, deleted_at=known[name].deleted_at)
        for name in ids
        if name in known
    ]


def count(connection: Connection, name: str, *, since: str = "") -> Counts:
    """Return how many messages of a connection there are, by direction, status, whether taken and whether deleted.

    Only those count whose id is not below `since`.
    """
    taken, deleted = (case((column.is_(None), 0), else_=1) for column in (c.provider_ref, c.deleted_at))
    rows = connection.execute(
        select(c.direction, c.status, taken, deleted, func.count())
        .where(c.connection == name, c.id >= since)
        .group_by(c.direction, c.status, taken, deleted)
    )
    return {
        (Direction(direction), Status(status), bool(was_taken), bool(was_deleted)): number
        for direction, status, was_taken, was_deleted, number in rows
    }


def edge(connection: Connection, *, looked_at: int) -> str | None:
    """Return the id before which there are more messages than shall be looked at; None where there are not so many."""
    newest = select(c.id).order_by(c.id.desc()).offset(looked_at - 1).limit(1)
    return connection.execute(newest).scalar()


def _kept(row: Any) -> Kept:
    status = Status(row.status)
    return Kept(
        id=row.id,
        direction=Direction(row.direction),
        status=status,
        folder=folder_of(status, taken=row.provider_ref is not None, deleted=row.deleted_at is not None),
        group=row.members is not None,
    )


def _inbox(account: str, text_before: datetime, *, unmarked: bool) -> list[Where]:
    here: Where = text(IN_INBOX) if unmarked else and_(c.direction == Direction.IN, c.deleted_at.is_(None))
    whole = c.status.not_in((Status.RECEIVED, Status.FETCHING))
    return [c.account == account, here, or_(whole, c.created_at <= text_before)]


def _free(now_ms: int) -> ColumnElement[bool]:
    return or_(c.held_until.is_(None), c.held_until <= now_ms)


def _is_in(folder: Folder) -> ColumnElement[bool]:
    if folder is Folder.DELETED:
        return c.deleted_at.is_not(None)
    stands: ColumnElement[bool] = c.status.in_(sorted(STATUSES[folder]))
    if folder is Folder.SENT:
        stands = or_(stands, and_(c.status == Status.EXPIRED, c.provider_ref.is_not(None)))
    if folder is Folder.NOT_SENT:
        stands = or_(stands, and_(c.status == Status.EXPIRED, c.provider_ref.is_(None)))
    return and_(stands, c.deleted_at.is_(None))
