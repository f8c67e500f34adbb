"""Which connections may be submitted over now, and what submissions say about that."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import structlog

from broker.directory import Snapshot
from broker.domain.account import Connection
from broker.domain.message import Message
from broker.domain.value import value
from broker.errors import OutcomeUnknown, ProviderError, Throttled, Unavailable
from broker.keyspace.circuits import OPENS_AFTER, Leave
from broker.keyspace.lanes import Place, Redeemed, Slot, detour_of
from broker.runtime import Runtime
from broker.services.backlog import repaired_later
from broker.services.lanes import leader_of
from broker.services.outcome import Result

log = structlog.get_logger()

FULL_S = 0.5
"""How long a connection gives no slots over which as much is in flight as may be."""

UNSAID_S = 1.0
"""How long a sender is slowed that was too fast, where the carrier does not say how long."""


@value
class Openings:
    """Who may not be submitted as one likes.

    Nothing goes over connections that are `shut`, nor for the moment over those that are `full` of submissions; a few
    messages over those that are tried (`probing`). Where there is a rate, and where the `detours` name a connection, or
    one and a sender, only what has a slot goes.
    """

    shut: frozenset[str] = frozenset()
    full: frozenset[str] = frozenset()
    probing: frozenset[str] = frozenset()
    slots: Mapping[str, Slot] = field(default_factory=dict)
    detours: frozenset[str] = frozenset()

    def room(self) -> "Room":
        """Return how much may go in one take."""
        return Room(openings=self, left=dict.fromkeys(self.probing, OPENS_AFTER))


@dataclass(slots=True, kw_only=True)
class Room:
    """What may still go in one take.

    A group goes whole or not at all: `chosen` has what was decided of a group, by its first message. `staying` are
    groups, named likewise, that may not change their connection. `quiet` says until when which messages wait because
    they would disturb somebody.
    """

    openings: Openings
    left: dict[str, int]
    chosen: dict[str, "Choice"] = field(default_factory=dict)
    staying: set[str] = field(default_factory=set)
    quiet: dict[str, datetime] = field(default_factory=dict)

    def is_shut(self, name: str) -> bool:
        """Say whether nothing more may go over a connection in this take, slot or not."""
        return name in self.openings.shut or self.left.get(name) == 0

    def lets(self, message: Message, connection: Connection) -> bool:
        """Say whether a message may go now, and then it must; else it waits in its lane."""
        openings, name = self.openings, connection.name
        if name in openings.shut or name in openings.full or self._needs_slot(message, connection):
            return False
        if name in self.left:
            if not self.left[name]:
                return False
            self.left[name] -= 1
        return True

    def _needs_slot(self, message: Message, connection: Connection) -> bool:
        openings = self.openings
        if not connection.is_paced:
            if not openings.detours:
                return False
            usual = connection.name not in openings.detours
            if usual and detour_of(connection.name, message.originator) not in openings.detours:
                return False
        # A slot is of the connection that the message waited for.
        return leader_of(message) not in openings.slots or message.connection != connection.name


Choice = tuple[Connection | None, bool]
"""The connection that something goes by or waits for, and whether it goes."""


def look(runtime: Runtime, known: Snapshot, redeemed: Redeemed) -> Openings:
    """Return who may not be submitted as one likes, for ids whose slots were taken back.

    Held and paused connections are shut, and those whose circuit is open. Who gets a probe says how it went, by `tell`
    or `unused`.
    """
    slots, detours, full = redeemed.slots, redeemed.detours, _full(runtime, known)
    held = frozenset(name for name, one in known.providers.items() if one.connection.is_stopped)
    failing = runtime.breakers.look([name for name in known.providers if name not in held])
    broken = {name: one for name, one in failing.items() if one.is_open}
    if not broken:
        return Openings(shut=held, full=full, slots=slots, detours=detours)
    asked = runtime.breakers.ask(list(broken))
    shut = frozenset(name for name, leave in asked.items() if leave is Leave.NO)
    probing = frozenset(name for name, leave in asked.items() if leave is Leave.PROBE)
    return Openings(shut=held | shut, full=full, probing=probing, slots=slots, detours=detours)


def _full(runtime: Runtime, known: Snapshot) -> frozenset[str]:
    """Return the connections over which as much is in flight as may be, and let their lanes wait for a moment."""
    full = frozenset(name for name in known.providers if runtime.afloat[name] >= runtime.settings.window)
    with repaired_later():
        for name in full:
            runtime.lanes.slow(name, None, for_s=FULL_S)
    return full


def detours(known: Snapshot, openings: Openings, laned: Iterable[Place]) -> list[str]:
    """Return the connections without a rate whose lanes are used now: all that they carry must use them.

    Not those of which only a sender is slowed: the others need not wait for it.
    """
    used = {
        place.connection
        for place in laned
        if detour_of(place.connection, place.sender) not in openings.detours
    }
    return [name for name in used if not known.providers[name].connection.is_paced]


def slow(runtime: Runtime, results: Iterable[tuple[Message, Result]]) -> None:
    """Give senders no slots for as long as their carrier said that they were too fast."""
    waits: dict[tuple[str, str], float] = {}
    for message, result in results:
        if isinstance(result, Throttled) and not isinstance(result, Unavailable):
            sender = message.connection or "", message.originator
            wait_s = UNSAID_S if result.retry_after_s is None else result.retry_after_s
            waits[sender] = max(wait_s, waits.get(sender, 0.0))
    with repaired_later():
        for (connection, originator), wait_s in waits.items():
            runtime.lanes.slow(connection, originator, for_s=wait_s)
            log.warning("sender_slowed", connection=connection, wait_s=round(wait_s, 1))


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
