"""What became of every create request, counted and written down."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from broker.simulator.events import stamp
from broker.simulator.journal import Journal


class Ledger:
    """Put create requests on record."""

    def __init__(self, journal: Journal) -> None:
        self.journal = journal
        self.outcomes: Counter[str] = Counter()
        self.statuses: Counter[int] = Counter()
        self.taken: Counter[str] = Counter()
        for entry in journal.entries:
            shown = entry.shown()
            self._count(entry.status, entry.outcome, shown["tag"] if entry.id else None)

    def note(
        self, body: Mapping[str, Any], raw: bytes, status: int, outcome: str, ident: str | None = None
    ) -> None:
        """Add a request: `raw` as it came, `body` as it was read where it was taken."""
        self.journal.add(at=stamp(), id=ident, raw=raw, status=status, outcome=outcome)
        self._count(status, outcome, body.get("tag") if ident else None)

    def clear(self) -> None:
        """Forget all entries and counts."""
        self.journal.clear()
        for counts in (self.outcomes, self.statuses, self.taken):
            counts.clear()

    def _count(self, status: int, outcome: str, tag: str | None) -> None:
        self.outcomes[outcome] += 1
        self.statuses[status] += 1
        if tag:
            # The tag is "<id>.<attempt>": repeats of one message differ in the attempt only.
            self.taken[tag.rpartition(".")[0] or tag] += 1
