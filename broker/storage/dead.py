"""Dead letters: set work aside, list it, say what is to become of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import BigInteger, Connection, RowMapping, cast, func, or_, select, text, update
from sqlalchemy.sql.elements import ColumnElement

from broker.domain.dead import LOST, Kind, Letter, Letters, Standing
from broker.domain.value import value
from broker.storage.dead_tables import OPEN, dead_letters
from broker.storage.writing import insert_ignore

c = dead_letters.c
_SHOWN = [c[name] for name in Letter.__slots__ if name != "where"]


@value
class Parking:
    """A dead letter on its way into the record; `content` is sealed, `family` is a group message's leader."""

    letter: Letter
    content: str | None = None
    family: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaving:
    """A dead letter that people want put back or discarded (`wanted`), with its sealed content."""

    letter: Letter
    wanted: Standing
    content: str | None


@value
class Sealed:
    """The content of a letter that waits for somebody, as it is kept."""

    id: str
    kind: Kind
    content: str


def sealed(connection: Connection) -> list[Sealed]:
    """Return the contents of all letters that wait for somebody."""
    rows = connection.execute(select(c.id, c.kind, c.content).where(text(OPEN), c.content.is_not(None)))
    return [Sealed(id=row.id, kind=Kind(row.kind), content=row.content) for row in rows]


def erase(connection: Connection, ids: Sequence[str], *, at: datetime, by: str, reason: str) -> int:
    """Discard letters that wait for somebody, and their content with them; return how many."""
    change = update(dead_letters).where(text(OPEN), c.id.in_(ids))
    values = {"standing": Standing.DISCARDED, "wanted": Standing.DISCARDED, "content": None, "due_at": None}
    values["job"] = None  # it is nobody's any more who wanted something of many
    return connection.execute(change.values(**values, settled_at=at, settled_by=by, reason=reason)).rowcount


def park(connection: Connection, parking: Sequence[Parking]) -> None:
    """Set work aside; what is aside already stays as it is."""
    rows = [_row(item) for item in parking]
    if rows:
        connection.execute(insert_ignore(connection, dead_letters), rows)


def page(
    connection: Connection, which: Letters, *, after: str | None, limit: int
) -> tuple[list[Letter], str | None]:
    """Return dead letters, the oldest first, and the id that the page ends with if there are more."""
    wanted = _wanted(which)
    if after is not None:
        wanted.append(c.id > after)
    rows = (
        connection.execute(select(*_SHOWN, c.trace).where(*wanted).order_by(c.id).limit(limit + 1))
        .mappings()
        .all()
    )
    found = [_letter(row) for row in rows[:limit]]
    return found, found[-1].id if len(rows) > limit else None


def find(connection: Connection, message_id: str, *, account: str) -> Letter | None:
    """Return the latest letter of a message that was set aside; whose it is may not be known."""
    mine = or_(c.account == account, c.account.is_(None))
    statement = select(*_SHOWN, c.trace).where(c.subject == message_id, c.kind == Kind.MESSAGE, mine)
    row = connection.execute(statement.order_by(c.id.desc()).limit(1)).mappings().first()
    return None if row is None else _letter(row)


def settle(
    connection: Connection,
    which: Letters,
    *,
    wanted: Standing,
    now_ms: int,
    apart_ms: float,
    at: datetime,
    by: str,
    reason: str,
    job: str | None = None,
) -> int:
    """Say what is to become of parked letters, each so long after the one before it; return how many.

    The members of a group message go together, whichever of them is meant. What is lost cannot be put back. `job` is
    a name for all of them.
    """
    can = c.error != LOST if wanted is Standing.PUT_BACK else c.error.is_not(None)
    place = func.row_number().over(order_by=c.id).label("place")
    chosen = select(c.id, place).where(meant(which), can).subquery()
    fresh: Mapping[str, Any] = {
        "standing": Standing.LEAVING,
        "wanted": wanted,
        "due_at": now_ms + cast((chosen.c.place - 1) * apart_ms, BigInteger),
        "settled_at": at,
        "settled_by": by,
        "reason": reason,
        "job": job,
    }
    return connection.execute(update(dead_letters).where(c.id == chosen.c.id).values(**fresh)).rowcount


def leaving(connection: Connection, now_ms: int) -> list[Leaving]:
    """Return the letter that is to leave first, if it is time, with its family; none of them is leaving any more.

    So what breaks on its way out, or breaks its worker, is parked again, and is not tried for ever.
    """
    first = connection.execute(
        select(c.id, c.family)
        .where(text(OPEN), c.standing == Standing.LEAVING, c.due_at <= now_ms)
        .order_by(c.due_at, c.id)
        .limit(1)
        .with_for_update(skip_locked=True)
    ).first()
    if first is None:
        return []
    mine = c.id == first.id if first.family is None else c.family == first.family
    rows = (
        connection.execute(select(dead_letters).where(mine, c.standing == Standing.LEAVING)).mappings().all()
    )
    back = update(dead_letters).where(c.id.in_([row["id"] for row in rows]))
    connection.execute(back.values(standing=Standing.PARKED, due_at=None))
    return [
        Leaving(letter=_letter(row), wanted=Standing(row["wanted"]), content=row["content"]) for row in rows
    ]


def left(connection: Connection, ids: Sequence[str], standing: Standing) -> None:
    """Note that letters have gone where people wanted them; their content is not kept any longer."""
    gone = update(dead_letters).where(c.id.in_(ids))
    connection.execute(gone.values(standing=standing, content=None, due_at=None))


def counts(connection: Connection) -> dict[Kind, int]:
    """Return how many letters wait for somebody."""
    rows = connection.execute(select(c.kind, func.count()).where(text(OPEN)).group_by(c.kind))
    return {Kind(kind): number for kind, number in rows}


def since(connection: Connection) -> dict[Kind, datetime]:
    """Return since when the oldest letters of each kind wait for somebody."""
    rows = connection.execute(select(c.kind, func.min(c.at)).where(text(OPEN)).group_by(c.kind))
    return {Kind(kind): at for kind, at in rows}


def parked(connection: Connection, subjects: Sequence[str], kind: Kind) -> set[str]:
    """Return those of the subjects that are set aside now."""
    found = select(c.subject).where(text(OPEN), c.kind == kind, c.subject.in_(subjects))
    return set(connection.execute(found).scalars())


def meant(which: Letters) -> ColumnElement[bool]:
    """Return the condition of what is meant, with the rest of each group message that has a part in it."""
    named = select(c.family).where(*_wanted(which), c.family.is_not(None))
    return or_(_all(_wanted(which)), _all([c.family.in_(named), c.standing == Standing.PARKED]))


def _wanted(which: Letters) -> list[ColumnElement[bool]]:
    wanted: list[ColumnElement[bool]] = [c.standing == which.standing]
    if which.kind is not None:
        wanted.append(c.kind == which.kind)
    if which.account is not None:
        wanted.append(c.account == which.account)
    if which.connection is not None:
        wanted.append(c.connection == which.connection if which.connection else c.connection.is_(None))
    if which.error is not None:
        wanted.append(c.error == which.error)
    if which.id is not None:
        wanted.append(or_(c.id == which.id, c.subject == which.id))
    if which.since is not None:
        wanted.append(c.at >= which.since)
    if which.until is not None:
        wanted.append(c.at < which.until)
    return wanted


def _all(clauses: Sequence[ColumnElement[bool]]) -> ColumnElement[bool]:
    first, *rest = clauses
    for clause in rest:
        first = first & clause
    return first


def _row(item: Parking) -> dict[str, Any]:
    letter = item.letter
    return {
        "id": letter.id,
        "kind": letter.kind,
        "subject": letter.subject,
        "family": item.family,
        "account": letter.account,
        "connection": letter.connection,
        "at": letter.at,
        "tries": letter.tries,
        "error": letter.error[:255],
        "trace": orjson.dumps(letter.where).decode(),
        "content": item.content,
        "standing": letter.standing,
        "reason": letter.reason,
    }


def _letter(row: RowMapping) -> Letter:
    known = {name: row[name] for name in Letter.__slots__ if name != "where"}
    known |= {"kind": Kind(row["kind"]), "standing": Standing(row["standing"])}
    return Letter(**known, where=tuple(orjson.loads(row["trace"])))
