"""Dead letters by what broke them, and those that were on their way kept here after all."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, func, select, text, update

from broker.domain.dead import Group, Kind, Standing
from broker.storage.dead_tables import OPEN, dead_letters

c = dead_letters.c


def groups(connection: Connection, *, most: int) -> list[Group]:
    """Return what broke parked letters, the most frequent first."""
    number = func.count()
    cause = (c.kind, c.error, c.connection)
    rows = connection.execute(
        select(*cause, number.label("number"), func.min(c.at).label("first"), func.max(c.at).label("last"))
        .where(text(OPEN), c.standing == Standing.PARKED)
        .group_by(*cause)
        .order_by(number.desc(), c.kind, c.error)
        .limit(most)
    ).mappings()
    return [Group(**{**row, "kind": Kind(row["kind"])}) for row in rows]


def leaving(connection: Connection) -> Sequence[tuple[str, str, int, datetime]]:
    """Return how many letters are on their way out: for whom, where to, how many, since when they are asked for."""
    asked = (c.settled_by, c.wanted)
    rows = connection.execute(
        select(*asked, func.count(), func.min(c.settled_at))
        .where(text(OPEN), c.standing == Standing.LEAVING)
        .group_by(*asked)
        .order_by(*asked)
    )
    return [(row[0], row[1], row[2], row[3]) for row in rows]


def stay(connection: Connection) -> int:
    """Park all letters again that have not left yet; return how many."""
    back = update(dead_letters).where(text(OPEN), c.standing == Standing.LEAVING)
    return connection.execute(back.values(standing=Standing.PARKED, due_at=None)).rowcount
