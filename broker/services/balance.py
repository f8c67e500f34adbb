"""Show operators what the last checks of the ledger found."""

from datetime import datetime, timedelta
from functools import partial

from broker.domain.ledger import Line, total
from broker.keyspace.clock import Clock
from broker.services.outcome import at
from broker.services.sql import AsyncSql
from broker.storage import ledger

USUAL = timedelta(hours=24)
"""How far back the ledger is shown unless somebody says otherwise."""


class Balance:
    """The ledger by account and hour; each line says when it was checked last."""

    def __init__(self, sql: AsyncSql, clock: Clock) -> None:
        self._sql = sql
        self._clock = clock

    async def lines(self, since: datetime | None, account: str | None) -> tuple[list[Line], int]:
        """Return lines, the oldest hour first, and the one number.

        Raises:
            Busy: SQL or Redis is away.
        """
        since = since or at(await self._clock.now_ms()) - USUAL
        found = await self._sql.read(partial(ledger.checks, since=since, account=account))
        return found, total(found)
