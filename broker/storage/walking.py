"""Walk along the newest messages, and no further than a list should look."""

from typing import Any

from sqlalchemy import Select, and_, exists, false, func, not_, or_, select
from sqlalchemy.sql.elements import ColumnElement

from broker.domain.folder import counted
from broker.domain.ids import first_id_of
from broker.domain.message import Direction
from broker.domain.search import Search, TagWish, is_family
from broker.domain.status import Status
from broker.storage.rows import IS_MMS, tag_begins
from broker.storage.tables import events, messages

c = messages.c

LOOKED_AT = 20_000
"""Most messages that a page of a list looks at: who looks for what is rare goes on from where it ended."""


def has_tag(column: ColumnElement[str], wanted: TagWish) -> ColumnElement[bool]:
    """Say whether the tags in a column hold one, in its own case on every database, which LIKE does not mind."""
    return and_(column != "[]", func.replace(column, tag_begins(wanted.name, wanted.value), "") != column)


def walk(search: Search) -> Select[Any]:
    """Return the newest messages there are to look at, through an index that is in their order."""
    columns = (
        c.id,
        c.direction,
        c.status,
        c.account,
        c.connection,
        c.originator,
        c.recipient,
        c.provider_ref,
        c.tags,
        c.created_at,
        *([IS_MMS] if search.mms is not None else []),
    )
    found = select(*columns).order_by(c.id.desc())
    if search.account:
        found = found.where(c.account == search.account)
    if search.cursor:
        found = found.where(c.id < search.cursor)
    if search.since is not None:
        found = found.where(c.id >= first_id_of(search.since))
    if search.until is not None:
        found = found.where(c.id < first_id_of(search.until))
    return found


def filters(row: Any, search: Search) -> list[ColumnElement[bool]]:
    """Return what rows of a walk must be like."""
    wanted = [*_address(row, search.address), *_told(row, search)]
    if search.direction is not None:
        wanted.append(row.direction == search.direction)
    if search.statuses:
        wanted.append(row.status.in_(search.statuses))
    if search.connection:
        wanted.append(row.connection == search.connection)
    if search.counter is not None:
        wanted.append(or_(false(), *(_alike(row, *one) for one in sorted(counted(search.counter)))))
    if search.mms is not None:
        wanted.append(row.is_mms if search.mms else not_(row.is_mms))
    if search.tag is not None:
        wanted.append(has_tag(row.tags, search.tag))
    return wanted


def _address(row: Any, address: str) -> list[ColumnElement[bool]]:
    ends = (row.originator, row.recipient)
    if address.endswith("*"):
        return [or_(*(one.startswith(address[:-1], autoescape=True) for one in ends))]
    return [or_(*(one == address for one in ends))] if address else []


def _told(row: Any, search: Search) -> list[ColumnElement[bool]]:
    wanted = []
    if search.cause is not None:
        wanted.append(_news(row, events.c.detail == search.cause))
    if search.error:
        wanted.append(_news(row, _begins(search.error)))
    return wanted


def _begins(word: str) -> ColumnElement[bool]:
    """Say whether a detail begins with a word, or with the code of an HTTP answer of a family, as `4xx` means it."""
    detail = events.c.detail
    if is_family(word):
        return or_(detail.like(f"{word[0]}__"), detail.like(f"{word[0]}__ %"))
    return or_(detail == word, detail.startswith(f"{word} ", autoescape=True))


def _news(row: Any, says: ColumnElement[bool]) -> ColumnElement[bool]:
    """Say whether what led to a message's state says something."""
    return exists().where(and_(events.c.message_id == row.id, events.c.status == row.status, says))


def _alike(row: Any, direction: Direction, status: Status, taken: bool) -> ColumnElement[bool]:
    was_taken = row.provider_ref.is_not(None) if taken else row.provider_ref.is_(None)
    return and_(row.direction == direction, row.status == status, was_taken)
