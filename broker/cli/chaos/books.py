"""The four ledgers, as they are compared at the end."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from broker.cli.chaos.offers import Answer, Offer, Verdict
from broker.cli.chaos.sink import Told

Record = dict[str, Any]


@dataclass(slots=True, kw_only=True)
class Entry:
    """What one customer was told of one offer, try by try."""

    offer: Offer
    at: float
    answers: list[Answer] = field(default_factory=list)
    done: bool = False

    @property
    def taken(self) -> list[Answer]:
        """The answers that took it."""
        return [each for each in self.answers if each.verdict is Verdict.TAKEN]

    @property
    def verdict(self) -> Verdict:
        """What its customer believes: one answer that took it is enough, one that is missing leaves it open."""
        said = {each.verdict for each in self.answers}
        for verdict in (Verdict.TAKEN, Verdict.UNKNOWN):
            if verdict in said:
                return verdict
        return Verdict.REFUSED if said else Verdict.UNKNOWN


@dataclass(frozen=True, slots=True, kw_only=True)
class Create:
    """One create request that the carrier took."""

    at: float
    message: str
    marker: str
    to: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """What the status API said of a message at a moment; a status of nothing means that it knew none."""

    asked_at: float
    message: str
    status: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Books:
    """All that was written down."""

    entries: Sequence[Entry]
    creates: Sequence[Create]
    told: Sequence[Told]
    records: Sequence[Record]
    samples: Sequence[Sample]


def marker_of(text: str) -> str:
    """Return the marker that a text begins with."""
    return text.partition(" ")[0]
