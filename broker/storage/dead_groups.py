"""Dead letters by what broke them."""

from sqlalchemy import Connection, func, select, text

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
