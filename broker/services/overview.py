"""How everything is at a glance, and what is wrong."""

import asyncio
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from broker.domain.dead import Kind
from broker.domain.message import Direction
from broker.domain.shift import Member
from broker.domain.status import BAD_ENDS, GOOD_ENDS, Status
from broker.domain.value import replace
from broker.keyspace.backlog import Backlog
from broker.keyspace.census import Census
from broker.services.attention import Trouble, left, stuck
from broker.services.carrying import Carrying, Link
from broker.services.charts import Charts, Point
from broker.services.pulse import LATELY, Beat, Pulse
from broker.services.sql import AsyncSql
from broker.services.stocktaking import Stock, Stocktaking
from broker.services.workers import Workers
from broker.settings import Settings
from broker.storage import browsing, dead
from broker.storage.database import Sql

GOOD, BAD = GOOD_ENDS, BAD_ENDS
WINDOWS: Mapping[str, float | None] = {
    "15m": 900,
    "1h": 3600,
    "6h": 6 * 3600,
    "24h": 86400,
    "7d": 7 * 86400,
    "all": None,
}
MOST_CAUSES = 8
FAILED = browsing.FAILED
FRESH_S = 2.0
"""How long what was counted is shown to everybody who asks."""
MANY = 20
TOO_MANY = 0.2
"""From so many ended messages on, this share of bad ends is worth a person's attention."""


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """What was counted at one moment, over one window; causes are those of the newest `looked_at` that ended badly."""

    at: datetime
    since: datetime | None
    stock: Stock
    causes: Sequence[tuple[str, str, int]]
    looked_at: int
    points: Sequence[Point]
    letters: Mapping[Kind, int]
    letters_since: Mapping[Kind, datetime]
    links: Sequence[Link]
    census: Census
    beat: Beat
    troubles: Sequence[Trouble] = ()

    def number(self, *statuses: Status, direction: Direction = Direction.OUT) -> int:
        """Return how many messages stand at some statuses; with none named, at any."""
        return sum(
            number
            for (way, status), number in self.stock.counts.items()
            if way is direction and (not statuses or status in statuses)
        )


class Glance:
    """Counts from SQL and from what the metrics show, at most once in two seconds for everybody."""

    def __init__(
        self, sql: AsyncSql, backlog: Backlog, carrying: Carrying, workers: Workers, settings: Settings
    ) -> None:
        self._sql = sql
        self._backlog = backlog
        self._carrying = carrying
        self._workers = workers
        self._watermark = settings.redis_memory_watermark
        self._views: dict[str, tuple[float, View]] = {}
        self._stocktaking = Stocktaking()
        self._pulse = Pulse()
        self._charts = Charts()
        self._turn = asyncio.Lock()

    async def look(self, window: str) -> View:
        """Return the view of a window; raises Busy while SQL is away."""
        async with self._turn:
            at, view = self._views.get(window, (float("-inf"), None))
            if view is None or time.monotonic() - at > FRESH_S:
                view = await self._count(window)
                self._views[window] = time.monotonic(), view
            return view

    async def _count(self, window: str) -> View:
        now = datetime.now(UTC)
        length_s = WINDOWS[window]
        since = None if length_s is None else now - timedelta(seconds=length_s)
        links, census = await self._carrying.all(), await self._backlog.census()

        members, names = await self._workers.all(), [link.name for link in links]

        def job(sql: Sql) -> View:
            causes, looked_at = browsing.causes(sql, since, most=MOST_CAUSES)
            return View(
                at=now,
                since=since,
                stock=self._stocktaking.take(sql, since, now),
                causes=causes,
                looked_at=looked_at,
                points=self._charts.take(sql, window, now, names=names, depth=census.work()),
                letters=dead.counts(sql),
                letters_since=dead.since(sql),
                links=links,
                census=census,
                beat=self._pulse.take(sql, names, now, minutes=LATELY, good=GOOD, bad=BAD),
            )

        view = await self._sql.read(job)
        return replace(view, troubles=list(_troubles(view, members, self._watermark)))


def _troubles(view: View, members: Sequence[Member], watermark: float) -> Iterator[Trouble]:
    """Yield what is wrong, the worst first."""
    yield from stuck(view.census, view.links, members, watermark)
    yield from _failures(view)
    yield from left(view.letters, view.letters_since, view.census)


def _failures(view: View) -> Iterator[Trouble]:
    bad = view.number(*BAD)
    ended = bad + view.number(*GOOD)
    if ended >= MANY and bad / ended > TOO_MANY:
        text = f"{bad} of {ended} messages that ended were not delivered ({bad / ended:.0%})"
        link = "/console/messages?status=bad"
        yield Trouble(tone="bad", text=text, link=link, since=view.since, runbook="RefusalsMany")
