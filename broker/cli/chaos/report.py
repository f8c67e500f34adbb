"""What a fault run showed, as figures with their bars."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from broker.cli.bench_report import Figure, as_json
from broker.cli.chaos.run import Blow, Outcome
from broker.cli.chaos.verdict import Case, Judge, counted, in_flight

RECOVERED_WITHIN_S = 15.0
BREACHES = {
    "lost": "accepted and lost",
    "half_accepted": "refused and sent",
    "hidden_repeats": "repeats that the record hides",
    "phantoms": "sent, and nobody asked",
    "split_keys": "keys with two messages",
    "backwards": "statuses gone backwards",
    "untold": "ends that nobody was told of",
    "odd_answers": "answers that no API gives for our trouble",
}
_SHOWN = 20
NEVER_S = 999.0
"""Stands for a recovery that did not come in our time."""


class Report:
    """The figures of one run."""

    def __init__(self, outcome: Outcome) -> None:
        assert outcome.books is not None
        self._outcome = outcome
        self._books = outcome.books
        self._judge = Judge(outcome.books)
        self.breaches: dict[str, list[Case]] = self._judge.breaches()
        self._flying = [_flying(outcome, blow) for blow in outcome.blows]
        self.figures = list(self._figures())

    @property
    def holds(self) -> bool:
        """Say whether every bar was kept."""
        return all(each.reached is not False for each in self.figures)

    def _figures(self) -> Iterator[Figure]:
        options, blows = self._outcome.options, self._outcome.blows
        accepted = sum(1 for _ in self._judge.accepted())
        yield Figure(name="accepted", what="messages accepted", value=accepted, at_least=options.messages)
        yield Figure(name="faults", what="faults dealt", value=len(blows), at_least=options.faults)
        for name, what in BREACHES.items():
            cases = [{"about": each.about, "found": each.found} for each in self.breaches[name][:_SHOWN]]
            yield Figure(
                name=name, what=what, value=len(self.breaches[name]), at_most=0, detail={"cases": cases}
            )
        yield Figure(
            name="ledger",
            what="missing in the product's own ledger",
            value=self._outcome.difference,
            at_most=0,
        )
        wrong = self._outcome.miscounted
        yield Figure(
            name="miscounted",
            what="figures of console, metrics and counters that differ from SQL at rest",
            value=len(wrong),
            at_most=0,
            detail={"cases": list(wrong[:_SHOWN])},
        )
        yield Figure(
            name="repeats",
            what="repeats shown as possible_duplicate (most: in flight at the faults)",
            value=len(self._judge.repeated()),
            at_most=sum(self._flying),
        )
        yield self._missed()
        yield from self._recoveries()
        said = {str(verdict): count for verdict, count in counted(self._books).items()}
        yield Figure(name="requests", what="requests", value=len(self._books.entries), detail={"ended": said})
        yield Figure(name="minutes", what="the whole run", value=self._outcome.wall_s / 60, unit="min")

    def _missed(self) -> Figure:
        missed = list(self._outcome.missed)
        what = "faults that missed their moment"
        return Figure(name="missed", what=what, value=len(missed), at_most=0, detail={"cases": missed})

    def _recoveries(self) -> Iterator[Figure]:
        ways = {"sent": "all APIs to the carrier again", "told": "and back to their customers"}
        for way, what in ways.items():
            blows = [each for each in self._outcome.blows if way == "sent" or each.tells]
            found = sorted(_seconds(each, way) for each in blows)
            if found:
                late = sum(each >= RECOVERED_WITHIN_S for each in found)
                detail = {"median_s": round(found[len(found) // 2], 2), "over_the_bar": late}
                yield Figure(
                    name=f"recovery_{way}_s",
                    what=f"slowest recovery after a fault: {what}",
                    value=found[-1],
                    unit="s",
                    at_most=RECOVERED_WITHIN_S,
                    detail=detail,
                )

    def as_json(self) -> dict[str, Any]:
        """Return everything, fault by fault."""
        options = self._outcome.options
        return {
            **as_json(self.figures),
            "seed": options.seed,
            "database": options.database,
            "offered_per_s": round(self._outcome.rate, 1),
            "tries": dict(self._outcome.tries),
            "without_clocks": self._outcome.without_clocks,
            "missed": list(self._outcome.missed),
            "faults": [
                {
                    "name": blow.name,
                    "at": _stamp(blow.began),
                    "lasted_s": round(blow.ended - blow.began, 2),
                    "sent_again_s": blow.recovery.sent_s,
                    "told_again_s": blow.recovery.told_s,
                    "in_flight": flying,
                    "load": round(blow.load, 1),
                }
                for blow, flying in zip(self._outcome.blows, self._flying, strict=True)
            ],
        }


def _seconds(blow: Blow, way: str) -> float:
    found = blow.recovery.sent_s if way == "sent" else blow.recovery.told_s
    return NEVER_S if found is None else found


def _flying(outcome: Outcome, blow: Blow) -> int:
    assert outcome.books is not None
    return in_flight(outcome.books.records, _stamp(blow.began), _stamp(blow.ended))


def _stamp(at: float) -> str:
    return datetime.fromtimestamp(at, tz=UTC).isoformat(timespec="milliseconds")[:-6] + "Z"
