"""Read carriers' journaled webhooks again, as after a change of what their words mean."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from broker.directory import Directory, Snapshot
from broker.domain.event import Inbound
from broker.errors import Busy
from broker.keyspace.clock import Clock
from broker.keyspace.content import Webhook as Arrived
from broker.services import events, reports
from broker.services.news import Applied, take_in
from broker.services.receive import inbound_key
from broker.services.reports import Heard
from broker.services.sql import AsyncSql
from broker.settings import Settings
from broker.storage import matching, parked, webhooks
from broker.storage.away import StorageAway
from broker.storage.database import Sql
from broker.storage.parked import Parked, Which
from broker.storage.webhooks import Place

PAGE = 200
"""Webhooks of one transaction."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """A time of the journal, of one connection or of all."""

    since: datetime
    until: datetime
    connection: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reread:
    """What came of a page: webhooks read, messages moved, arrivals taken in, news parked; `last` if there is more."""

    webhooks: int
    moved: int
    arrived: int
    parked: int
    last: Place | None


class Rereading:
    """Lists parked news, and reads the journal again a page at a time. What had its effect has no second one."""

    def __init__(self, settings: Settings, sql: AsyncSql, clock: Clock, directory: Directory) -> None:
        self._settings = settings
        self._sql = sql
        self._clock = clock
        self._directory = directory

    async def parked(
        self, which: Which, *, after: int, limit: int
    ) -> tuple[list[tuple[int, Parked]], int | None]:
        """Return parked news, and where the next page begins.

        Raises:
            Busy: SQL is away.
        """
        return await self._sql.read(partial(parked.page, which=which, after=after, limit=limit))

    async def number(self, stretch: Stretch, *, most: int) -> int:
        """Return how many webhooks a time holds; one more than `most` says that there are more. Raises Busy."""
        return await self._sql.read(partial(_number, stretch=stretch, most=most))

    async def page(self, stretch: Stretch, *, after: Place | None) -> Reread:
        """Read the next page of webhooks again. What follows (media, callbacks) is found by the next sweep.

        Raises:
            Busy: SQL or Redis is away.
        """
        try:
            known = await self._sql.read(lambda _: self._directory.look())
        except StorageAway as error:
            raise Busy("connections cannot be read now") from error
        now_ms = await self._clock.now_ms()
        job = partial(
            reread, stretch=stretch, after=after, known=known, now_ms=now_ms, settings=self._settings
        )
        return await self._sql.write(job)


def reread(
    sql: Sql, *, stretch: Stretch, after: Place | None, known: Snapshot, now_ms: int, settings: Settings
) -> Reread:
    """Apply those news of a page of webhooks that were not heard yet, or are read in another way now."""
    rows = _rows(sql, stretch, after)
    arrived = {row.digest: Arrived(connection=row.connection, body=row.body, at=row.at) for row in rows}
    reading = events.read(arrived, known)
    was = {row.digest: row.verdict for row in rows}
    webhooks.judge(
        sql, {one.digest: one.verdict for one in reading.journal if one.verdict != was[one.digest]}
    )
    told, came = reading.pieces(arrived)
    applied: Applied = take_in(
        sql, reports.unheard(sql, told), _new(sql, came), known=known, now_ms=now_ms, settings=settings
    )
    last = rows[-1] if len(rows) == PAGE else None
    return Reread(
        webhooks=len(rows),
        moved=len(applied.moved),
        arrived=len(applied.arrived),
        parked=applied.parked,
        last=None if last is None else Place(connection=last.connection, at=last.at, digest=last.digest),
    )


def _rows(sql: Sql, stretch: Stretch, after: Place | None) -> list[webhooks.Webhook]:
    """Return the next webhooks: one connection's after the other, each one's in the order they came."""
    rows: list[webhooks.Webhook] = []
    name = stretch.connection or webhooks.names(sql, after="" if after is None else after.connection)
    while name is not None and len(rows) < PAGE:
        rows += webhooks.stretch(
            sql,
            name,
            since=stretch.since,
            until=stretch.until,
            after=after if after is not None and after.connection == name else None,
            limit=PAGE - len(rows),
        )
        name = None if stretch.connection else webhooks.names(sql, after=f"{name}\x01")
    return rows


def _number(sql: Sql, *, stretch: Stretch, most: int) -> int:
    found = 0
    name = stretch.connection or webhooks.names(sql, after="")
    while name is not None and found <= most:
        room = most + 1 - found
        found += webhooks.number(sql, name, since=stretch.since, until=stretch.until, most=room)
        name = None if stretch.connection else webhooks.names(sql, after=f"{name}\x01")
    return found


def _new(sql: Sql, came: Sequence[Heard[Inbound]]) -> list[Heard[Inbound]]:
    keys = Counter(inbound_key(name, inbound) for name, inbound, _ in came)
    here = matching.arrivals(sql, list(keys))
    return [heard for heard in came if inbound_key(heard[0], heard[1]) not in here]
