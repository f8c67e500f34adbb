"""How fast messages flow, and how long they take on their way to carriers: now, and over the last half hour."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from math import ceil

from broker.domain.status import Status
from broker.storage import flowing
from broker.storage.database import Sql
from broker.storage.flowing import Flow

SPAN = timedelta(minutes=1)
"""What "a second" is an average of."""
LATELY = 5
"""Minutes that a connection's latency is told of."""
SETTLED = timedelta(minutes=1)
"""So long after its end a minute's attempts are all on record: it is looked at no more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Latency:
    """From acceptance to the carrier's receipt, in seconds, of a sample of `number` messages."""

    p50: float
    p95: float
    p99: float
    number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How one connection does: attempts that its carrier took a second, the share of the others, and its latency."""

    rate: float
    lost: float | None
    latency: Latency | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Beat:
    """How everything flows; of each minute, the oldest first, how long messages took."""

    since: datetime
    flow: Flow
    sent: int
    latency: Sequence[tuple[datetime, Latency | None]] = ()
    paces: Mapping[str, Pace] = field(default_factory=dict)


class Pulse:
    """Takes the pulse in SQL; minutes that are over are looked at once."""

    def __init__(self) -> None:
        self._minutes: dict[tuple[str, datetime], list[int]] = {}

    def take(
        self,
        sql: Sql,
        names: Sequence[str],
        now: datetime,
        *,
        minutes: int,
        good: tuple[Status, ...],
        bad: tuple[Status, ...],
    ) -> Beat:
        """Return how messages flow over some connections."""
        last = now.replace(second=0, microsecond=0)
        times = [last - timedelta(minutes=number) for number in reversed(range(minutes))]
        waits = {(name, at): self._waits(sql, name, at, now) for at in times for name in names}
        self._minutes = {
            key: took for key, took in waits.items() if key[1] + timedelta(minutes=1) + SETTLED <= now
        }
        ends = {name: flowing.outcomes(sql, name, now - SPAN) for name in names}
        return Beat(
            since=now - SPAN,
            flow=flowing.flow(sql, now - SPAN, good=good, bad=bad),
            sent=sum(one.get(flowing.SENT, 0) for one in ends.values()),
            latency=[(at, latency(took for name in names for took in waits[name, at])) for at in times],
            paces={
                name: _pace(ends[name], [took for at in times[-LATELY:] for took in waits[name, at]])
                for name in names
            },
        )

    def _waits(self, sql: Sql, name: str, at: datetime, now: datetime) -> list[int]:
        known = self._minutes.get((name, at))
        return flowing.waits(sql, name, at) if known is None and at <= now else known or []


def latency(waits: Iterable[int]) -> Latency | None:
    """Return the middle and the slow ends of some waits in ms, by nearest rank; None of none."""
    found = sorted(waits)
    if not found:
        return None
    p50, p95, p99 = (found[ceil(share * len(found)) - 1] / 1000 for share in (0.5, 0.95, 0.99))
    return Latency(p50=p50, p95=p95, p99=p99, number=len(found))


def _pace(outcomes: Mapping[str, int], waits: Sequence[int]) -> Pace:
    number, sent = sum(outcomes.values()), outcomes.get(flowing.SENT, 0)
    return Pace(
        rate=sent / SPAN.total_seconds(),
        lost=(number - sent) / number if number else None,
        latency=latency(waits),
    )
