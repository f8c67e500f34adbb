"""What the last minutes, hours or days brought, in steps that fit a chart; kept in SQL, so it outlives processes."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from broker.dispatch import Queue
from broker.domain.spread import added, percentiles
from broker.domain.status import BAD_ENDS, GOOD_ENDS
from broker.services.pulse import Latency
from broker.storage import minutes
from broker.storage.database import Sql
from broker.storage.minutes import MINUTE, Count, Minute

STEPS: Mapping[str, tuple[timedelta, int]] = {
    "15m": (MINUTE, 15),
    "1h": (2 * MINUTE, 30),
    "6h": (10 * MINUTE, 36),
    "24h": (30 * MINUTE, 48),
    "7d": (180 * MINUTE, 56),
}
"""How long a step of each window's chart is, and how many there are."""
LONGEST = "7d"
LIVE = 30
"""So many minutes are counted here and now, where no scheduler did it."""
SETTLED, STALE = MINUTE, MINUTE
"""From so long after its end on a minute is remembered; and so long, since more of its messages may end meanwhile."""
FINAL = 10 * MINUTE
"""So long after its end it is counted for the last time: an end that comes later is not looked for here."""
LONG_S = 20.0
"""How long minutes that are over are remembered for a long window: there are ten thousand in a week."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One step: absent is what nobody counted. `depth` is the most that waited in each queue."""

    at: datetime
    until: datetime
    made: int | None = None
    sent: int | None = None
    good: int | None = None
    bad: int | None = None
    latency: Latency | None = None
    depth: Mapping[str, int] | None = None


class Charts:
    """Puts minutes together. For the threads of one process; what is over is remembered for a moment."""

    def __init__(self) -> None:
        self._over: dict[str, tuple[float, datetime, list[Minute]]] = {}
        self._counted: dict[datetime, tuple[datetime, Count]] = {}

    def take(
        self, sql: Sql, window: str, now: datetime, *, names: Sequence[str], depth: Mapping[str, int]
    ) -> list[Point]:
        """Return the steps of a window, the oldest first; `depth` is what waits now."""
        step, number = STEPS.get(window, STEPS[LONGEST])
        step_s = step.total_seconds()
        last = datetime.fromtimestamp(now.timestamp() // step_s * step_s, tz=UTC)
        first = last - (number - 1) * step
        this = now.replace(second=0, microsecond=0)
        # Others may have begun the next minute since `now` was taken.
        known = {one.at: one for one in self._known(sql, window, first) if one.at <= this}
        for ago in range(LIVE):
            at = this - ago * MINUTE
            found = known.get(at)
            if at >= first and (found is None or found.count is None or not ago):
                count = self._count(sql, at, now, names)
                known[at] = Minute(at=at, count=count, depth=None if found is None else found.depth)
        known[this] = Minute(at=this, count=known[this].count, depth=_most([known[this].depth, depth]))
        steps: dict[datetime, list[Minute]] = {first + place * step: [] for place in range(number)}
        for at, one in known.items():
            steps[first + (at - first) // step * step].append(one)
        return [_point(at, at + step, found) for at, found in steps.items()]

    def _count(self, sql: Sql, at: datetime, now: datetime, names: Sequence[str]) -> Count:
        """Count a minute, or remember what was counted of it; nothing is remembered of minutes that nobody asks for."""
        ended = at + MINUTE
        counted_at, count = self._counted.get(at, (None, None))
        if counted_at is None or count is None or (counted_at < ended + FINAL and now - counted_at >= STALE):
            count = minutes.count(sql, at, names=names, good=GOOD_ENDS, bad=BAD_ENDS)
            if now >= ended + SETTLED:
                self._counted[at] = now, count
        self._counted = {one: kept for one, kept in self._counted.items() if one > now - (LIVE + 1) * MINUTE}
        return count

    def _known(self, sql: Sql, window: str, first: datetime) -> list[Minute]:
        at, since, found = self._over.get(window, (float("-inf"), first, []))
        long = STEPS.get(window, STEPS[LONGEST])[0] > 2 * MINUTE
        if not long or since != first or time.monotonic() - at > LONG_S:
            found = minutes.since(sql, first)
            self._over[window] = time.monotonic(), first, found
        return found


def _point(at: datetime, until: datetime, found: Sequence[Minute]) -> Point:
    counts = [one.count for one in found if one.count is not None]
    depth = _most([one.depth for one in found])
    if not counts:
        return Point(at=at, until=until, depth=depth)
    return Point(
        at=at,
        until=until,
        made=sum(one.made for one in counts),
        sent=sum(one.sent for one in counts),
        good=sum(one.good for one in counts),
        bad=sum(one.bad for one in counts),
        latency=_latency(counts),
        depth=depth,
    )


def _latency(counts: Sequence[Count]) -> Latency | None:
    waits = added(one.waits for one in counts)
    found = percentiles(waits, (0.5, 0.95, 0.99))
    if found is None:
        return None
    p50, p95, p99 = found
    return Latency(p50=p50, p95=p95, p99=p99, number=sum(waits.values()))


def _most(depths: Sequence[Mapping[str, int] | None]) -> Mapping[str, int] | None:
    """Return the most that waited in each queue; None where nobody looked."""
    seen = [one for one in depths if one is not None]
    names = {name for one in seen for name in one} - {str(Queue.SWEEPS)}  # rings, and no work
    return {name: max(one.get(name, 0) for one in seen) for name in names} if seen else None
