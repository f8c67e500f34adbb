"""Show operators the callbacks that were not told, and tell them again."""

from dataclasses import dataclass
from datetime import datetime
from functools import partial

from broker.domain.callback import Untold, UntoldCallback
from broker.errors import Busy
from broker.keyspace.clock import Clock
from broker.services.outcome import at
from broker.services.sql import AsyncSql
from broker.storage import told

BATCH = 500
"""Callbacks of one transaction: others want to write too."""
BATCH_MS = 500
"""So much time each batch is given, of several, before the first of them is due."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayed:
    """How many callbacks are owed again, and when the last of them is tried for the first time.

    It is not `whole` where something was away before all of them were.
    """

    count: int
    until: datetime
    whole: bool = True


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

    async def number(self, which: Untold, *, most: int | None = None) -> int:
        """Return how many were not told; with `most`, one more says that there are more. Raises Busy."""
        return await self._sql.read(partial(told.number, which=which, most=most))

    async def again(self, which: Untold, *, rate: float) -> Replayed:
        """Owe callbacks again, at most `rate` of them a second, batch by batch.

        Raises:
            Busy: SQL or Redis is away, and nothing was done.
        """
        now_ms = await self._clock.now_ms()
        apart_ms = 1000 / rate
        batches = -(-await self.number(which) // BATCH)
        start_ms = now_ms + (BATCH_MS * batches if batches > 1 else 0)
        done, after, whole = 0, None, True
        while True:
            first_ms = start_ms + done * apart_ms
            job = partial(
                told.again, which=which, after=after, limit=BATCH, first_ms=first_ms, apart_ms=apart_ms
            )
            try:
                ids = await self._sql.write(job)
            except Busy:
                if not done:
                    raise
                ids, whole = [], False
            done += len(ids)
            if len(ids) < BATCH:
                break
            after = ids[-1]
        until = at(start_ms + round(max(done - 1, 0) * apart_ms))
        return Replayed(count=done, until=until, whole=whole)
