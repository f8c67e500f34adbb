"""Say what goes wrong over a connection: why messages ended badly, how attempts failed."""

import asyncio
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from broker.domain.status import BAD_ENDS
from broker.domain.value import value
from broker.services.sql import AsyncSql
from broker.storage import browsing, flowing
from broker.storage.database import Sql
from broker.storage.flowing import Failure

MOST_CAUSES = 30
FRESH_S = 5.0
"""How long what was found is shown to everybody who asks."""


@value
class Wrongs:
    """What went wrong since a moment: status, reason and number of messages, and how attempts failed."""

    since: datetime
    causes: Sequence[tuple[str, str, int]]
    failures: Sequence[Failure]


class Failing:
    """Looks into SQL, at most once in a few seconds for each connection and window, and one at a time."""

    def __init__(self, sql: AsyncSql, *, fresh_s: float = FRESH_S) -> None:
        self._sql = sql
        self._fresh_s = fresh_s
        self._found: dict[tuple[str, timedelta], tuple[float, Wrongs]] = {}
        self._turn = asyncio.Lock()

    async def look(self, name: str, window: timedelta) -> Wrongs:
        """Return what went wrong over a connection within the last while; raises Busy while SQL is away."""
        async with self._turn:
            at, found = self._found.get((name, window), (float("-inf"), None))
            if found is None or time.monotonic() - at > self._fresh_s:
                found = await self._find(name, datetime.now(UTC) - window)
                self._found[name, window] = time.monotonic(), found
            return found

    async def _find(self, name: str, since: datetime) -> Wrongs:
        def job(sql: Sql) -> Wrongs:
            return Wrongs(
                since=since,
                causes=browsing.causes_over(sql, name, since, BAD_ENDS, most=MOST_CAUSES),
                failures=flowing.failures(sql, name, since, most=MOST_CAUSES),
            )

        return await self._sql.read(job)
