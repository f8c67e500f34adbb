"""Webhooks that were not let in, counted into the event log: whoever knocks must not be able to fill it."""

import asyncio
from collections import Counter
from datetime import UTC, datetime
from functools import partial

import structlog

from broker.domain.logbook import Entry, Kind, Level, Way
from broker.errors import Busy
from broker.services.sql import AsyncSql
from broker.storage import logbook

log = structlog.get_logger()

EVERY_S = 5.0
"""How long refusals of one kind are gathered into one entry."""

MOST = 100
"""Most kinds of refusals between two entries; connections have names of ours, so there are few."""


class Refusals:
    """Gathers refusals, and writes them down now and then: one entry for each connection and reason."""

    def __init__(self, sql: AsyncSql) -> None:
        self._sql = sql
        self._counts: Counter[tuple[str, str]] = Counter()

    def count(self, connection: str, answer: str) -> None:
        """Count a webhook that was answered with something else than thanks."""
        if len(self._counts) < MOST or (connection, answer) in self._counts:
            self._counts[connection, answer] += 1

    async def flush(self) -> None:
        """Write down what was gathered; while SQL is away it is gathered on."""
        counts, self._counts = self._counts, Counter()
        if not counts:
            return
        now = datetime.now(UTC)
        entries = [_entry(now, *key, times) for key, times in counts.items()]
        try:
            await self._sql.write(partial(logbook.write, entries=entries))
        except Busy:
            log.warning("refusals_not_logged")
            self._counts.update(counts)

    async def watch(self) -> None:
        """Write again and again, until cancelled; what is left then is for `flush`."""
        while True:
            await asyncio.sleep(EVERY_S)
            await self.flush()


def _entry(now: datetime, connection: str, answer: str, times: int) -> Entry:
    return Entry(
        at=now,
        connection=connection,
        kind=Kind.HTTP_RESPONSE,
        level=Level.WARN,
        direction=Way.OUT,
        text=f"{answer}: {times} webhooks in the last {EVERY_S:.0f} seconds were not let in",
    )
