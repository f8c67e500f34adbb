"""How long it takes after a fault until messages flow again."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass

from broker.cli.chaos.books import Entry
from broker.cli.chaos.carried import Carried
from broker.cli.chaos.customers import Customers
from broker.cli.chaos.roster import Tongue
from broker.cli.chaos.sink import Sink, Told
from broker.domain.status import Status

WAIT_S = 60.0
_TICK_S = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovery:
    """Seconds from the end of a fault until a message of every API, offered after it, had gone the whole way.

    `sent_s` is the way to the carrier, `told_s` the way back to the customer too. Nothing means not in our time.
    """

    sent_s: float | None
    told_s: float | None


class Flow:
    """Looks for messages that were offered after a moment, on their way."""

    def __init__(self, customers: Customers, carried: Carried, sink: Sink) -> None:
        self._customers = customers
        self._carried = carried
        self._sink = sink
        self._heard: set[str] = set()
        self._read = 0

    async def recovered(self, *, tells: bool) -> Recovery:
        """Return how long it took from now on; being told is waited for only where `tells` says so."""
        began, first = time.time(), len(self._customers.entries)
        sent_s: float | None = None
        while time.time() - began < WAIT_S:
            await asyncio.sleep(_TICK_S)
            self._hear()
            fresh = [each for each in self._customers.entries[first:] if each.taken]
            if sent_s is None and self._all(fresh, lambda each: each.offer.marker in self._carried.markers):
                sent_s = time.time() - began
            if sent_s is not None and (not tells or self._all(fresh, self._is_told)):
                return Recovery(sent_s=sent_s, told_s=time.time() - began if tells else None)
        return Recovery(sent_s=sent_s, told_s=None)

    @staticmethod
    def _all(fresh: list[Entry], arrived: Callable[[Entry], bool]) -> bool:
        return {each.offer.customer.tongue for each in fresh if arrived(each)} == set(Tongue)

    def _hear(self) -> None:
        self._carried.read()
        told: list[Told] = self._sink.told[self._read :]
        self._read += len(told)
        self._heard |= {each.about for each in told if each.status == Status.DELIVERED}

    def _is_told(self, entry: Entry) -> bool:
        answer = entry.taken[0]
        names = {entry.offer.marker, answer.number, *answer.ids.values()}
        return not names.isdisjoint(self._heard)
