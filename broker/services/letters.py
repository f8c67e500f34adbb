"""Show operators dead letters, and note what they want done about them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from broker.domain.dead import Group, Letter, Letters, Standing
from broker.keyspace.clock import Clock
from broker.services.outcome import at
from broker.services.sql import AsyncSql
from broker.storage import dead, dead_groups


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """How many letters are to leave, and when the last of them does."""

    count: int
    until: datetime


class DeadLetters:
    """What operators see of dead letters, and may want: to have them put back so many a second, or discarded."""

    def __init__(self, sql: AsyncSql, clock: Clock) -> None:
        self._sql = sql
        self._clock = clock

    async def page(self, which: Letters, *, after: str | None, limit: int) -> tuple[list[Letter], str | None]:
        """Return dead letters, and where the next page begins.

        Raises:
            Busy: SQL is away.
        """
        return await self._sql.read(partial(dead.page, which=which, after=after, limit=limit))

    async def groups(self, *, most: int) -> list[Group]:
        """Return what broke parked letters, the most frequent first; raises as `page` does."""
        return await self._sql.read(partial(dead_groups.groups, most=most))

    async def leaving(self) -> Sequence[tuple[str, str, int, datetime]]:
        """Return who wanted how many letters to go where that have not left yet; raises as `page` does."""
        return await self._sql.read(dead_groups.leaving)

    async def stay(self) -> int:
        """Keep all letters here that have not left yet, and return how many; raises as `page` does."""
        return await self._sql.write(dead_groups.stay)

    async def settle(self, which: Letters, *, wanted: Standing, rate: float, by: str, reason: str) -> Settled:
        """Have parked letters put back or discarded, at most `rate` of them a second.

        Raises:
            Busy: SQL or Redis is away.
        """
        now_ms = await self._clock.now_ms()
        apart_ms = 1000 / rate
        job = partial(
            dead.settle,
            which=which,
            wanted=wanted,
            now_ms=now_ms,
            apart_ms=apart_ms,
            at=at(now_ms),
            by=by,
            reason=reason,
        )
        count = await self._sql.write(job)
        return Settled(count=count, until=at(now_ms + round(max(count - 1, 0) * apart_ms)))
