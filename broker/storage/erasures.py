"""Erasures: what was asked for, how far it has come, what was erased."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import Connection, select, update

from broker.domain.erasure import Erasure, Step
from broker.storage import retention
from broker.storage.privacy_tables import erasures

c = erasures.c


def begin(connection: Connection, wanted: Erasure) -> Erasure:
    """Enter an erasure, and return it; while one of the same number is under way, return that."""
    under_way = select(erasures).where(c.subject == wanted.subject, c.ended_at.is_(None))
    row = connection.execute(under_way).mappings().first()
    if row is not None:
        return _erasure(connection, row)
    names = [column.name for column in c if column.name != "counts"]
    connection.execute(
        erasures.insert(), [{**{name: getattr(wanted, name) for name in names}, "counts": "{}"}]
    )
    return wanted


def under_way(connection: Connection) -> list[Erasure]:
    """Return the erasures that are not done, oldest first."""
    rows = connection.execute(select(erasures).where(c.ended_at.is_(None)).order_by(c.id)).mappings().all()
    return [_erasure(connection, row) for row in rows]


def every(connection: Connection, *, limit: int = 200) -> list[Erasure]:
    """Return the newest erasures."""
    rows = connection.execute(select(erasures).order_by(c.id.desc()).limit(limit)).mappings().all()
    return [_erasure(connection, row) for row in rows]


def advance(
    connection: Connection, was: Erasure, step: Step, after: str, counts: Mapping[str, int], *, at: datetime
) -> bool:
    """Note how far an erasure has come; return whether nobody else came further meanwhile, and else note nothing."""
    summed = {name: was.counts.get(name, 0) + counts.get(name, 0) for name in (*was.counts, *counts)}
    values: dict[str, Any] = {"step": step, "after": after, "counts": orjson.dumps(summed).decode()}
    if step is Step.DONE:
        values |= {"number": None, "ended_at": at}
    here = (c.id == was.id, c.step == was.step, c.after == was.after)
    return connection.execute(update(erasures).where(*here).values(**values)).rowcount > 0


def _erasure(connection: Connection, row: Any) -> Erasure:
    return Erasure(
        **{**row, "step": Step(row["step"]), "counts": orjson.loads(row["counts"])},
        waiting=retention.count_left(connection, row["id"]),
    )
