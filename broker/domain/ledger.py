"""The ledger: what was accepted, and where it is."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

HOUR_MS = 3600_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Where the messages of one account and hour are; parked ones are in none of the other places."""

    waiting: int = 0
    in_flight: int = 0
    final: int = 0
    parked: int = 0

    @property
    def found(self) -> int:
        """How many there are."""
        return self.waiting + self.in_flight + self.final + self.parked


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One account and hour: `difference` is what is missing, or below zero what nobody counted."""

    account: str
    hour: datetime
    accepted: int
    standing: Standing
    difference: int
    checked_at: datetime


def hour_at(number: int) -> datetime:
    """Return when an hour began, counted from the Unix epoch."""
    return datetime.fromtimestamp(number * HOUR_MS / 1000, tz=UTC)


def difference(*, before: int, found: int, after: int) -> int:
    """Return what is missing of what was accepted, below zero what is too much, or nothing if either may be motion.

    `before` and `after` are what was accepted before and after somebody looked for it.
    """
    if found < before:
        return before - found
    return min(after - found, 0)


def total(lines: Iterable[Line]) -> int:
    """Return the one number: what is missing or too much, of each account."""
    by_account: Counter[str] = Counter()
    for line in lines:
        by_account[line.account] += line.difference
    return sum(map(abs, by_account.values()))
