"""What operators wanted done with dead letters together: how far it has come, and an end to it."""

from collections.abc import Sequence

from sqlalchemy import Connection, RowMapping, Select, case, func, select, text, update
from sqlalchemy.sql.elements import ColumnElement

from broker.domain.dead import Job, Standing
from broker.storage.dead_tables import OPEN, dead_letters

c = dead_letters.c


def running(connection: Connection) -> list[Job]:
    """Return the jobs of which letters are still on their way, the oldest first."""
    named = select(c.job).where(text(OPEN), c.standing == Standing.LEAVING, c.job.is_not(None))
    rows = connection.execute(_counted(c.job.in_(named)).order_by(c.job)).mappings()
    return [_job(row) for row in rows]


def find(connection: Connection, job: str) -> Job | None:
    """Return a job by its id; letters that another one means by now are that one's."""
    row = connection.execute(_counted(c.job == job)).mappings().first()
    return None if row is None else _job(row)


def stop(connection: Connection, job: str | None = None) -> int:
    """Park letters again that have not left yet, of one job or of all; return how many."""
    mine = [] if job is None else [c.job == job]
    back = update(dead_letters).where(text(OPEN), c.standing == Standing.LEAVING, *mine)
    return connection.execute(back.values(standing=Standing.PARKED, due_at=None)).rowcount


def _counted(which: ColumnElement[bool]) -> Select[tuple[object, ...]]:
    def at(*standings: Standing) -> ColumnElement[int]:
        return func.sum(case((c.standing.in_(standings), 1), else_=0))

    return (
        select(
            c.job.label("id"),
            func.max(c.wanted).label("wanted"),
            func.max(c.settled_by).label("by"),
            func.max(c.reason).label("reason"),
            func.max(c.settled_at).label("at"),
            func.count().label("number"),
            at(Standing.LEAVING).label("leaving"),
            at(*_GONE).label("gone"),
            at(Standing.PARKED).label("parked"),
            func.max(c.due_at).label("until_ms"),
        )
        .where(which)
        .group_by(c.job)
    )


_GONE: Sequence[Standing] = (Standing.PUT_BACK, Standing.DISCARDED)


def _job(row: RowMapping) -> Job:
    return Job(**{**row, "wanted": Standing(row["wanted"])})
