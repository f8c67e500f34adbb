"""Which connections may be submitted over now, and what submissions say about that."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import structlog

from broker.directory import Snapshot
from broker.domain.message import Message
from broker.domain.value import value
from broker.errors import OutcomeUnknown, ProviderError, Unavailable
from broker.keyspace.circuits import OPENS_AFTER, Leave
from broker.runtime import Runtime
from broker.services.backlog import repaired_later
from broker.services.outcome import Result

log = structlog.get_logger()

HELD_MS = 5_000
"""How long a message waits before it is looked at again, whose connection's credentials fail."""

PROBED_MS = 1_000
"""The same, while a few others find out whether the carrier is there again."""


@value
class Openings:
    """Connections that may not be used as one likes: until when nothing goes, and those that a few may try."""

    shut: Mapping[str, int] = field(default_factory=dict)
    probing: frozenset[str] = frozenset()

    def room(self) -> "Room":
        """Return how much may go in one take."""
        return Room(shut=self.shut, left=dict.fromkeys(self.probing, OPENS_AFTER))


@dataclass(slots=True, kw_only=True)
class Room:
    """What may still go in this take. A group goes whole or not at all."""

    shut: Mapping[str, int]
    left: dict[str, int]
    going: set[tuple[str, str]] = field(default_factory=set)

    def held_until(self, connection: str, message: Message, now_ms: int) -> int | None:
        """Return when to look again at a message that may not go now; None where it may, and then it must."""
        if connection in self.shut:
            return self.shut[connection]
        if connection not in self.left:
            return None
        place = connection, message.members[0] if message.group else message.id
        if place not in self.going:
            if not self.left[connection]:
                return now_ms + PROBED_MS
            self.left[connection] -= 1
            self.going.add(place)
        return None


def look(runtime: Runtime, known: Snapshot, now_ms: int) -> Openings:
    """Return which connections may not be used as one likes: held ones, and those whose circuit is open.

    Who gets a probe says how it went, by `tell` or `unused`.
    """
    held = {
        name: now_ms + HELD_MS
        for name, provider in known.providers.items()
        if provider.connection.held_at is not None
    }
    failing = runtime.breakers.look([name for name in known.providers if name not in held])
    broken = {name: one for name, one in failing.items() if one.is_open}
    if not broken:
        return Openings(shut=held)
    asked = runtime.breakers.ask(list(broken))
    shut = {
        name: now_ms + PROBED_MS if one.probing else max(one.until, now_ms)
        for name, one in broken.items()
        if asked.get(name) is Leave.NO
    }
    probing = frozenset(name for name, leave in asked.items() if leave is Leave.PROBE)
    return Openings(shut=held | shut, probing=probing)


def unused(runtime: Runtime, openings: Openings, used: Iterable[str | None]) -> None:
    """Give back probes for which nothing waited."""
    if openings.probing:
        with repaired_later():
            for name in openings.probing.difference(used):
                runtime.breakers.unused(name or "")


def tell(runtime: Runtime, openings: Openings, results: Sequence[tuple[str, Result]]) -> None:
    """Tell the breakers how submissions over connections ended."""
    well, ill = set(), Counter[str]()
    for name, result in results:
        if is_ill(result):
            ill[name] += 1
        elif is_well(result):
            well.add(name)
    with repaired_later():
        for name in well:
            if runtime.breakers.worked(name):
                log.info("circuit_closed", connection=name)
        for name in ill.keys() - well:
            probe = name in openings.probing
            pause_ms = runtime.breakers.failed(name, 1 if probe else min(ill[name], OPENS_AFTER), probe=probe)
            if pause_ms:
                log.warning("circuit_open", connection=name, pause_ms=pause_ms)
        unused(runtime, openings, [*well, *ill])


def is_ill(result: Result) -> bool:
    """Say whether a submission ended as it does at a carrier that is away: nobody answers, or a server's error.

    A refusal, also for being too fast, is the answer of a carrier that is there. Our own lateness says nothing.
    """
    if isinstance(result, Unavailable):
        return result.http_status is not None or result.retry_after_s != 0
    return isinstance(result, OutcomeUnknown)


def is_well(result: Result) -> bool:
    """Say whether the carrier answered: with a receipt, or with a refusal of its own."""
    if isinstance(result, BaseException):
        return isinstance(result, ProviderError) and result.http_status is not None and not is_ill(result)
    return True
