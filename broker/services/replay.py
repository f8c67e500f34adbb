"""Show operators the callbacks that were not told, and tell them again."""

from dataclasses import dataclass
from datetime import datetime
from functools import partial

from broker.domain.callback import Untold, UntoldCallback
from broker.keyspace.clock import Clock
from broker.services.outcome import at
from broker.services.sql import AsyncSql
from broker.storage import told


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayed:
    """How many callbacks are owed again, and when the last of them is tried for the first time."""

    count: int
    until: datetime


class Replay:
    """Owes again what was given up or is held, spread over time: an endpoint that is back must not be run over."""

    def __init__(self, sql: AsyncSql, clock: Clock) -> None:
        self._sql = sql
        self._clock = clock

    async def page(
        self, which: Untold, *, after: str | None, limit: int
    ) -> tuple[list[UntoldCallback], str | None]:
        """Return callbacks that were not told, and where the next page begins.

        Raises:
            Busy: SQL is away.
        """
        return await self._sql.read(partial(told.untold, which=which, after=after, limit=limit))

    async def again(self, which: Untold, *, rate: float) -> Replayed:
        """Owe callbacks again, at most `rate` of them a second.

        Raises:
            Busy: SQL or Redis is away.
        """
        now_ms = await self._clock.now_ms()
        apart_ms = 1000 / rate
        count = await self._sql.write(partial(told.again, which=which, now_ms=now_ms, apart_ms=apart_ms))
        return Replayed(count=count, until=at(now_ms + round(max(count - 1, 0) * apart_ms)))
