"""The attempts of a message, each with what was said to its carrier, and whatever else was said about it."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from broker.console import as_curl
from broker.domain.logbook import Entry, Kind, Way
from broker.domain.record import Attempt

_END = re.compile(r"attempt (\d{1,9}): ")
"""How the entry begins that the event log closes an attempt with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """A request to a carrier, as it may be kept, and what came back: an answer, the lack of one, or nothing yet."""

    request: Entry
    answer: Entry | None = None

    @property
    def curl(self) -> str:
        """The request as a command, without what is secret."""
        return as_curl.repeat(self.request)


@dataclass(frozen=True, slots=True, kw_only=True)
class Try:
    """One attempt, with its exchanges in order."""

    attempt: Attempt
    exchanges: tuple[Exchange, ...] = ()

    @property
    def took_s(self) -> float | None:
        """How long it took; None while it runs."""
        ended = self.attempt.ended_at
        return None if ended is None else (ended - self.attempt.started_at).total_seconds()

    @property
    def tone(self) -> str:
        """How its end is to be taken."""
        if self.attempt.ended_at is None:
            return "busy"
        return {"sent": "good", "refused": "bad"}.get(self.attempt.outcome, "odd")

    @property
    def word(self) -> str:
        """How it ended, in a word."""
        return (self.attempt.outcome or "under way").replace("_", " ")

    @property
    def text(self) -> str:
        """How it ended, in words."""
        status = f"HTTP {self.attempt.http_status}" if self.attempt.http_status else ""
        return ", ".join(filter(None, (self.word, status, self.attempt.error)))


@dataclass(slots=True, kw_only=True)
class _Talk:
    """What was said over one connection since the last attempt over it ended."""

    pairs: list[Exchange] = field(default_factory=list)

    def takes(self, entry: Entry) -> bool:
        """Take a request of ours, or what came of the last one; say whether it was either."""
        if entry.kind is Kind.HTTP_REQUEST and entry.direction is Way.OUT:
            self.pairs.append(Exchange(request=entry))
            return True
        is_answer = entry.kind is Kind.HTTP_RESPONSE and entry.direction is Way.IN
        is_silence = entry.kind is Kind.ERROR and entry.text.startswith("no answer: ")
        if (is_answer or is_silence) and self.pairs and self.pairs[-1].answer is None:
            self.pairs[-1] = Exchange(request=self.pairs[-1].request, answer=entry)
            return True
        return False


def tries(attempts: Iterable[Attempt], said: Sequence[Entry]) -> tuple[list[Try], list[Entry]]:
    """Return the attempts with what was said in each, and the entries that belong to none, both in order.

    The event log keeps an attempt's conversation together and closes it with a line that names the attempt.
    """
    found: dict[tuple[str, int], tuple[Exchange, ...]] = {}
    talks: dict[str, _Talk] = {}
    rest: list[Entry] = []
    for entry in said:
        talk = talks.setdefault(entry.connection, _Talk())
        end = _END.match(entry.text) if entry.direction is Way.NONE else None
        if end is not None:
            key = (entry.connection, int(end[1]))
            found[key] = (*found.get(key, ()), *talk.pairs)
            talks[entry.connection] = _Talk()
        elif not talk.takes(entry):
            rest.append(entry)
    for talk in talks.values():
        rest += [one for pair in talk.pairs for one in (pair.request, pair.answer) if one is not None]
    told = [Try(attempt=one, exchanges=found.pop((one.connection, one.number), ())) for one in attempts]
    for pairs in found.values():
        rest += [one for pair in pairs for one in (pair.request, pair.answer) if one is not None]
    return told, sorted(rest, key=lambda entry: entry.at)
