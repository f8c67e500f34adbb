"""Dead letters and what they are about, as far as it tells what would come of them."""

from collections.abc import Collection

from sqlalchemy import Connection, func, select

from broker.domain.callback import CallbackState
from broker.domain.dead import Kind, Letters
from broker.domain.value import value
from broker.storage.dead import meant as _meant
from broker.storage.dead_tables import dead_letters
from broker.storage.tables import callbacks

c = dead_letters.c


@value
class Meant:
    """A letter that is meant, with its sealed content, if it has that."""

    id: str
    kind: Kind
    subject: str
    error: str
    content: str | None


def meant(sql: Connection, which: Letters, *, after: str, limit: int) -> list[Meant]:
    """Return letters, and the rest of group messages that have a part in them, from an id on."""
    columns = (c.id, c.kind, c.subject, c.error, c.content)
    rows = sql.execute(select(*columns).where(_meant(which), c.id > after).order_by(c.id).limit(limit))
    return [
        Meant(id=row.id, kind=Kind(row.kind), subject=row.subject, error=row.error, content=row.content)
        for row in rows
    ]


def number(sql: Connection, which: Letters) -> int:
    """Return how many letters are meant."""
    return sql.execute(select(func.count()).select_from(dead_letters).where(_meant(which))).scalar_one()


def told(sql: Connection, ids: Collection[str]) -> set[str]:
    """Return those of the callbacks that were told."""
    of = callbacks.c
    wanted = select(of.id).where(of.id.in_(sorted(ids)), of.state == CallbackState.TOLD)
    return set(sql.execute(wanted).scalars())
