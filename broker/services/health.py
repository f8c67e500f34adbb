"""Say how a connection does: what came of its attempts, how long they took, what waits for it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial

from broker.services.pulse import Latency, latency
from broker.services.sql import AsyncSql
from broker.storage import flowing
from broker.storage.database import Sql

SPANS: Mapping[str, timedelta] = {
    "minute": timedelta(minutes=1),
    "15 minutes": timedelta(minutes=15),
    "hour": timedelta(hours=1),
}
LATELY = 5
"""Minutes that the latency is told of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempts:
    """What came of the attempts of a span; of very many, of the last ones of it."""

    span: str
    outcomes: Mapping[str, int]

    @property
    def number(self) -> int:
        """How many there were."""
        return sum(self.outcomes.values())

    @property
    def cut(self) -> bool:
        """Say whether there may have been more, before those that were counted."""
        return self.number >= flowing.MOST

    @property
    def lost(self) -> float | None:
        """The share of those that the carrier did not take; None of none."""
        taken = self.outcomes.get(flowing.SENT, 0)
        return (self.number - taken) / self.number if self.number else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """How a connection does."""

    attempts: Sequence[Attempts]
    latency: Latency | None


class HealthOf:
    """Looks at attempts in SQL. Raises Busy while SQL is away."""

    def __init__(self, sql: AsyncSql) -> None:
        self._sql = sql

    async def of(self, name: str) -> Health:
        """Return how a connection does now."""
        return await self._sql.read(partial(_look, name=name, now=datetime.now(UTC)))


def _look(sql: Sql, *, name: str, now: datetime) -> Health:
    minute = now.replace(second=0, microsecond=0)
    took = [
        one
        for number in range(LATELY)
        for one in flowing.waits(sql, name, minute - timedelta(minutes=number))
    ]
    attempts = [
        Attempts(span=span, outcomes=flowing.outcomes(sql, name, now - length, most=flowing.MOST))
        for span, length in SPANS.items()
    ]
    return Health(attempts=attempts, latency=latency(took))
