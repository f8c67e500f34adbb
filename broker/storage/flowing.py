"""How messages flow right now, for operators: how many of each kind a while brought, and how long they took."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import BigInteger, Connection, case, func, select, type_coerce

from broker.domain.ids import first_id_of
from broker.domain.message import Direction
from broker.domain.status import Status
from broker.storage.tables import messages, submissions

m, s = messages.c, submissions.c

SENT = "sent"
"""The outcome of an attempt that the carrier took."""
SLICES = 4
SAMPLE = 50
"""Of each slice of a minute so many attempts of a connection are looked at, however many there were."""
MOST = 20_000
"""Most attempts of a connection that are counted."""
LATELY = timedelta(minutes=10)
"""Ends are counted among messages that were made within it: there is no index by their time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """What a while brought: messages taken in to be sent, and ends of those that were made shortly before."""

    accepted: int
    good: int
    bad: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """A way in which attempts failed: how many did so, and the newest message among them."""

    outcome: str
    http_status: int | None
    error: str
    number: int
    newest: str


def flow(sql: Connection, since: datetime, *, good: tuple[Status, ...], bad: tuple[Status, ...]) -> Flow:
    """Return what came in to be sent since a moment, and what came to an end."""
    ended = m.ended_at >= since
    numbers = [
        func.sum(case((m.id >= first_id_of(since), 1), else_=0)),
        func.sum(case((ended & m.status.in_(good), 1), else_=0)),
        func.sum(case((ended & m.status.in_(bad), 1), else_=0)),
    ]
    lately = m.id >= first_id_of(since - LATELY)
    row = sql.execute(select(*numbers).where(lately, m.direction == Direction.OUT)).one()
    accepted, delivered, failed = (int(number or 0) for number in row)
    return Flow(accepted=accepted, good=delivered, bad=failed)


def outcomes(sql: Connection, name: str, since: datetime, *, most: int | None = None) -> Mapping[str, int]:
    """Return what came of the attempts over a connection that ended since a moment, by its word.

    Of more than `most` attempts the last ones are counted.
    """
    ended = select(s.outcome).where(s.connection == name, s.ended_at >= since)
    lately = ended.order_by(s.ended_at.desc()).limit(most) if most else ended
    counted = lately.subquery("ended").c
    rows = sql.execute(select(counted.outcome, func.count()).group_by(counted.outcome))
    return {str(outcome): number for outcome, number in rows}


def failures(sql: Connection, name: str, since: datetime, *, most: int) -> list[Failure]:
    """Return how attempts over a connection failed that ended since a moment, the most frequent first.

    Of more than `MOST` attempts the last ones are looked at.
    """
    columns = (s.message_id, s.outcome, s.http_status, s.error)
    ended = select(*columns).where(s.connection == name, s.ended_at >= since)
    lately = ended.order_by(s.ended_at.desc()).limit(MOST).subquery("lately").c
    like = (lately.outcome, lately.http_status, lately.error)
    counted = (
        select(*like, func.count(), func.max(lately.message_id))
        .where(lately.outcome != SENT)
        .group_by(*like)
        .order_by(func.count().desc(), *like)
        .limit(most)
    )
    return [
        Failure(outcome=row[0], http_status=row[1], error=row[2] or "", number=row[3], newest=row[4])
        for row in sql.execute(counted)
    ]


def waits(sql: Connection, name: str, minute: datetime) -> list[int]:
    """Return how long messages took from acceptance, or when they were wanted, until the carrier had them, in ms.

    It is a sample of those that a connection's carrier took within a minute, spread over it.
    """
    length = timedelta(minutes=1) / SLICES
    began = func.coalesce(type_coerce(m.send_at, BigInteger), type_coerce(m.created_at, BigInteger))
    took = (
        select(type_coerce(s.ended_at, BigInteger) - began)
        .select_from(submissions)
        .join(messages, m.id == s.message_id)
        .where(s.connection == name, s.outcome == SENT)
        .limit(SAMPLE)
    )
    found: list[int] = []
    for number in range(SLICES):
        first = minute + number * length
        within = took.where(s.ended_at >= first, s.ended_at < first + length)
        found += [max(0, int(one)) for one in sql.execute(within).scalars()]
    return found
