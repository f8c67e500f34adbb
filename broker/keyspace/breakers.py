"""Circuit breakers: connections whose carrier fails again and again take nothing for a while."""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from broker.keyspace import keys
from broker.keyspace.circuits import FIELDS, Circuit, Circuits, Leave, circuit_of
from broker.keyspace.client import AWAY, Async, Sync

LONGEST_MS = 8_000
"""Longest pause: messages must flow again soon after the carrier does."""

LIFE_MS = 10 * 60_000
"""How long failures are remembered: less traffic than that needs no breaker."""

PROBE_S = 8.0
"""How long a probe may take before others try as well: the worker that had it may be dead."""

FRESH_S = 0.25
"""How long a look is believed that found nothing amiss: the usual take asks nobody."""


class Breakers:
    """What all workers know of connections that fail. For threads.

    Redis holds it, so it outlives workers. Without Redis, or when Redis has lost it, every connection may be used: the
    next failures open the circuits again.
    """

    def __init__(self, client: Sync) -> None:
        self._circuits = Circuits(
            client, probe_s=PROBE_S, key=keys.breaker, longest_ms=LONGEST_MS, life_ms=LIFE_MS
        )
        self._lock = threading.Lock()
        self._failing: frozenset[str] = frozenset()
        self._looked_at = float("-inf")

    def look(self, connections: Sequence[str]) -> dict[str, Circuit]:
        """Return the connections that failed lately, open or not; changes nothing."""
        with self._lock:
            if not self._failing and time.monotonic() - self._looked_at < FRESH_S:
                return {}
        try:
            found = self._circuits.look(connections)
        except AWAY:
            return {}
        failing = {name: one for name, one in found.items() if one.failures}
        with self._lock:
            self._failing = frozenset(failing)
            self._looked_at = time.monotonic()
        return failing

    def ask(self, connections: Sequence[str]) -> Mapping[str, Leave]:
        """Say for open circuits whether they may be tried; who is told PROBE must say how it went, or `unused`."""
        try:
            return self._circuits.ask(connections)
        except AWAY:
            return {}

    def worked(self, connection: str) -> bool:
        """Take note of an answer that shows the carrier to be there; return whether that was news."""
        with self._lock:
            if connection not in self._failing:
                return False
            self._failing -= {connection}
        self._circuits.worked(connection)
        return True

    def failed(self, connection: str, times: int, *, probe: bool) -> int:
        """Take note of failures; return the pause that follows in ms, 0 while there is none."""
        pause_ms = 0
        for _ in range(times):
            pause_ms = self._circuits.failed(connection, probe=probe)
        with self._lock:
            self._failing |= {connection}
        return pause_ms

    def unused(self, connection: str) -> None:
        """Give back a probe for which there was nothing to send."""
        self._circuits.unused(connection)


class Fuses:
    """Shows people the circuits of connections, or others' by their `key`, and closes them. For the ingress's loop."""

    def __init__(self, client: Async, *, key: Callable[[str], str] = keys.breaker) -> None:
        self._client: Any = client
        self._key = key

    async def look(self, names: Sequence[str]) -> dict[str, Circuit]:
        """Return the circuit of each; nothing changes by looking."""
        async with self._client.pipeline(transaction=False) as pipe:
            for one in names:
                pipe.hmget(self._key(one), FIELDS)
            found = await pipe.execute() if names else []
        return {one: circuit_of(words) for one, words in zip(names, found, strict=True)}

    async def reset(self, connection: str) -> None:
        """Forget a connection's failures: workers that left it alone ask again with their next take."""
        await self._client.delete(self._key(connection))
