"""Compares the four ledgers, and names each message that breaks a promise."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from broker.cli.chaos.books import Books, Create, Entry, Record, marker_of
from broker.cli.chaos.offers import Verdict
from broker.cli.chaos.order import follows
from broker.cli.chaos.roster import Tongue
from broker.domain.status import Status

_SENT = frozenset({Status.DELIVERED, Status.READ})
_STOPPED = _SENT | {Status.FAILED}
"""How a message of a customer who wants no repeats may end."""

Unit = tuple[str, str]
"""A message as its customer knows it: the marker of its text, and whom it is for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One breach: what it is about, and what was found."""

    about: str
    found: str


class Judge:
    """Reads the books once, and answers for each promise with the cases that break it."""

    def __init__(self, books: Books) -> None:
        self._books = books
        self.entries: Mapping[str, Entry] = {each.offer.marker: each for each in books.entries}
        self.records: Mapping[str, Record] = {record["id"]: record for record in books.records}
        self._known: dict[Unit, list[Record]] = defaultdict(list)
        for record in books.records:
            self._known[marker_of(record["text"]), record["to"]].append(record)
        self._created: dict[Unit, list[Create]] = defaultdict(list)
        for create in books.creates:
            self._created[create.marker, create.to].append(create)

    def breaches(self) -> dict[str, list[Case]]:
        """Return the cases of every kind, most of them none."""
        return {
            "lost": list(self._lost()),
            "half_accepted": list(self._half_accepted()),
            "hidden_repeats": list(self._hidden()),
            "phantoms": list(self._phantoms()),
            "split_keys": list(self._split()),
            "backwards": [*self._backwards_asked(), *self._backwards_told()],
            "untold": list(self._untold()),
            "odd_answers": list(self._odd()),
        }

    def accepted(self) -> Iterator[tuple[Entry, Unit]]:
        """Yield every message that a customer was told was taken."""
        for entry in self.entries.values():
            if entry.verdict is Verdict.TAKEN:
                for to in entry.offer.to:
                    yield entry, (entry.offer.marker, to)

    def repeated(self) -> Mapping[str, list[Create]]:
        """Return the messages that the carrier took more than once, with each time."""
        times: dict[str, list[Create]] = defaultdict(list)
        for create in self._books.creates:
            times[create.message].append(create)
        return {message: found for message, found in times.items() if len(found) > 1}

    def _lost(self) -> Iterator[Case]:
        """Yield what was taken and is unknown, has not ended, or ended as sent without the carrier having it."""
        for entry, unit in self.accepted():
            records = self._known[unit]
            if not records:
                yield Case(about=" ".join(unit), found="the status API does not know it")
                continue
            ends = _STOPPED if entry.offer.customer.stops else _SENT
            status = Status(records[0]["status"])
            if status not in ends:
                yield Case(about=records[0]["id"], found=f"it ended as {status}")
            elif status in _SENT and unit not in self._created:
                yield Case(about=records[0]["id"], found=f"{status}, and the carrier never had it")
        for sample in self._books.samples:
            if sample.status is None:
                yield Case(about=sample.message, found="an id that was given out was not found")

    def _half_accepted(self) -> Iterator[Case]:
        """Yield what was refused in plain words, each time it was asked, and sent all the same."""
        for unit, creates in self._created.items():
            entry = self.entries.get(unit[0])
            if entry is not None and entry.verdict is Verdict.REFUSED:
                yield Case(about=creates[0].message, found=f"refused {len(entry.answers)} times, and sent")

    def _hidden(self) -> Iterator[Case]:
        """Yield repeats of which the record says nothing, or that a customer had asked us not to make."""
        for message, creates in self.repeated().items():
            record = self.records.get(message)
            if record is None or not record["possible_duplicate"]:
                yield Case(about=message, found=f"sent {len(creates)} times, and the record does not say so")
            elif self.entries[creates[0].marker].offer.customer.stops:
                yield Case(about=message, found="repeated for a customer who wants no repeats")

    def _phantoms(self) -> Iterator[Case]:
        """Yield what the carrier was sent and nobody had asked for, or that is not on record under that id."""
        for (marker, to), creates in self._created.items():
            entry = self.entries.get(marker)
            if entry is None or to not in entry.offer.to:
                yield Case(about=creates[0].message, found=f"nobody asked for {marker!r} to {to}")
                continue
            for message in {create.message for create in creates} - self.records.keys():
                yield Case(about=message, found="sent, and not on record")

    def _split(self) -> Iterator[Case]:
        """Yield keys that stand for more than one message: by the answers, by the carrier, or on record."""
        for entry in self.entries.values():
            for to in entry.offer.to:
                unit = (entry.offer.marker, to)
                ids = {answer.ids[to] for answer in entry.taken if to in answer.ids}
                ids |= {create.message for create in self._created.get(unit, ())}
                ids |= {record["id"] for record in self._known.get(unit, ())}
                if len(ids) > 1:
                    yield Case(about=" ".join(unit), found=f"one key, {len(ids)} messages: {sorted(ids)}")

    def _backwards_asked(self) -> Iterator[Case]:
        """Yield statuses that could not follow what was seen before, as they were asked for."""
        seen: dict[str, str] = {}
        for sample in sorted(self._books.samples, key=lambda each: each.asked_at):
            if sample.status is not None:
                yield from _step(sample.message, seen, sample.status)
        for record in self._books.records:
            yield from _step(record["id"], seen, record["status"])

    def _backwards_told(self) -> Iterator[Case]:
        """Yield callbacks whose statuses do not follow one another in the order of their numbers."""
        by_message: dict[str, set[tuple[int, str]]] = defaultdict(set)
        names: dict[tuple[str, str], set[str]] = defaultdict(set)
        for told in self._books.told:
            names[told.about, told.status].add(told.callback)
            if told.customer.tongue is Tongue.NATIVE:
                by_message[told.about].add((told.sequence, told.status))
        for message, steps in by_message.items():
            seen: dict[str, str] = {}
            for _, status in sorted(steps):
                yield from _step(message, seen, status)
        for (about, status), callbacks in names.items():
            if len(callbacks) > 1:
                yield Case(about=about, found=f"{status} was told under {len(callbacks)} ids")

    def _untold(self) -> Iterator[Case]:
        """Yield ends that no callback told of."""
        told = {(each.about, each.status) for each in self._books.told}
        for entry, unit in self.accepted():
            for record in self._known[unit]:
                for about, status in _wanted(entry, record):
                    if (about, status) not in told:
                        yield Case(about=record["id"], found=f"nobody was told that it is {record['status']}")

    def _odd(self) -> Iterator[Case]:
        """Yield answers that no dialect gives for our own trouble."""
        for entry in self.entries.values():
            for answer in entry.answers:
                if answer.odd:
                    yield Case(about=entry.offer.marker, found=answer.odd)


def _step(message: str, seen: dict[str, str], status: str) -> Iterator[Case]:
    before = seen.get(message)
    if before is not None and not follows(Status(before), Status(status)):
        yield Case(about=message, found=f"{status} after {before}")
    seen[message] = status


def _wanted(entry: Entry, record: Record) -> Iterable[tuple[str, str]]:
    """Return what must have been told of an ended message, in the words of its API."""
    tongue, status = entry.offer.customer.tongue, record["status"]
    if tongue is Tongue.NATIVE:
        return [(record["id"], status)]
    if status not in _SENT:
        return []
    if tongue is Tongue.OZEKI:
        return [(entry.offer.marker, str(Status.DELIVERED))]
    return [(str(record["number"]), str(Status.DELIVERED))]


def in_flight(records: Iterable[Record], began: str, ended: str) -> int:
    """Return how many messages were with the carrier, for all we knew, at some time between two instants.

    Instants are texts of RFC 3339 in UTC with milliseconds, which sort as they follow one another.
    """
    return sum(
        any(
            each["started_at"] <= ended and (each["ended_at"] or ended) >= began
            for each in record["attempts"]
        )
        for record in records
    )


def counted(books: Books) -> Counter[Verdict]:
    """Return how many requests ended how, for their customers."""
    return Counter(entry.verdict for entry in books.entries)
