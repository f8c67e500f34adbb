"""What each minute brought: kept for a week, so that charts outlive processes."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

import orjson
from sqlalchemy import BigInteger, Connection, case, delete, func, select, type_coerce

from broker.domain.ids import first_id_of
from broker.domain.message import Direction
from broker.domain.spread import Spread, added, spread
from broker.domain.status import Status
from broker.domain.value import value
from broker.storage import flowing
from broker.storage.minute_tables import minutes
from broker.storage.tables import messages, submissions
from broker.storage.writing import upsert

MINUTE = timedelta(minutes=1)
KEPT = timedelta(days=8)
c, m, s = minutes.c, messages.c, submissions.c


@value
class Count:
    """Messages made in a minute, how many of them ended well or badly, attempts that carriers took, their times."""

    made: int
    sent: int
    good: int
    bad: int
    waits: Spread


@value
class Minute:
    """A minute: what it brought, and what waited in each queue; absent where nobody counted, or looked."""

    at: datetime
    count: Count | None
    depth: Mapping[str, int] | None


def see(sql: Connection, at: datetime, depth: Mapping[str, int] | None) -> None:
    """Keep what waits in a minute, if that is known, and forget minutes that are too old."""
    known = {} if depth is None else {"depth": orjson.dumps(depth).decode()}
    upsert(sql, minutes, {"at": at, **known})
    sql.execute(delete(minutes).where(c.at < at - KEPT))


def note(sql: Connection, counts: Mapping[datetime, Count]) -> None:
    """Keep what minutes brought, as it stands by now."""
    for at, one in counts.items():
        waits = orjson.dumps({str(step): number for step, number in one.waits.items()}).decode()
        upsert(
            sql,
            minutes,
            {"at": at, "made": one.made, "sent": one.sent, "good": one.good, "bad": one.bad, "waits": waits},
        )


def since(sql: Connection, first: datetime) -> list[Minute]:
    """Return the minutes that are known from one on, the oldest first."""
    rows = sql.execute(select(minutes).where(c.at >= first).order_by(c.at)).mappings()
    return [
        Minute(
            at=row["at"],
            count=None
            if row["made"] is None
            else Count(
                made=row["made"],
                sent=row["sent"],
                good=row["good"],
                bad=row["bad"],
                waits={int(step): number for step, number in orjson.loads(row["waits"]).items()},
            ),
            depth=None if row["depth"] is None else orjson.loads(row["depth"]),
        )
        for row in rows
    ]


def counted(sql: Connection, first: datetime) -> set[datetime]:
    """Return the minutes from one on that were counted."""
    return set(sql.execute(select(c.at).where(c.at >= first, c.made.is_not(None))).scalars())


def count(
    sql: Connection,
    at: datetime,
    *,
    names: Iterable[str],
    good: Sequence[Status],
    bad: Sequence[Status],
) -> Count:
    """Count what a minute brought, over some connections."""
    within = (m.id >= first_id_of(at), m.id < first_id_of(at + MINUTE), m.direction == Direction.OUT)
    numbers = [
        func.count(),
        func.sum(case((m.status.in_(good), 1), else_=0)),
        func.sum(case((m.status.in_(bad), 1), else_=0)),
    ]
    made, well, badly = sql.execute(select(*numbers).where(*within)).one()
    ended = (
        type_coerce(s.ended_at, BigInteger) >= _ms(at),
        type_coerce(s.ended_at, BigInteger) < _ms(at + MINUTE),
    )
    sent, spreads = 0, []
    for name in names:
        taken = select(func.count()).where(s.connection == name, s.outcome == flowing.SENT, *ended)
        sent += sql.execute(taken).scalar_one()
        spreads.append(spread(flowing.waits(sql, name, at)))
    return Count(made=made, sent=sent, good=int(well or 0), bad=int(badly or 0), waits=added(spreads))


def _ms(at: datetime) -> int:
    return round(at.timestamp() * 1000)
