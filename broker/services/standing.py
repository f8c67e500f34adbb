"""How things stand that all processes share, as metrics: whoever shows them shows the same."""

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping, Sequence

from prometheus_client.core import Metric

from broker.dispatch import Queue
from broker.keyspace.census import Census, look
from broker.keyspace.circuits import Circuit
from broker.keyspace.client import AWAY, Async
from broker.metrics.measure import Measure, counter, gauge
from broker.metrics.meter import Labels, Meter, family

EVERY_S = 1.0
"""Between two looks."""

STALE_S = 10.0
"""How old a look may be and still be shown: an old one would look as if all were well."""

DEPTH = gauge("broker_queue_depth", "What waits, by where it does.", "queue", "state")
OLDEST = gauge("broker_queue_oldest_seconds", "For how long what waits longest has waited.", "queue")
OUTBOX_OLDEST = gauge(
    "broker_outbox_oldest_seconds", "For how long the oldest has waited that SQL does not hold."
)
MEMORY = gauge("broker_redis_memory_share", "Part of Redis's limit in use; 0 where it has none.")
REDIS_UP = gauge("broker_redis_up", "1 while Redis answers this process, else 0.")
SQL_UP = gauge(
    "broker_sql_up", "1 while SQL serves this process, else 0; of a scheduler, while it can write too."
)
CIRCUITS = gauge(
    "broker_circuit_state", "Circuit of a connection: 0 closed, 1 tried with a few, 2 open.", "connection"
)
HELD = gauge(
    "broker_connection_held", "1 while nothing is submitted over a connection.", "connection", "reason"
)
WAITING = gauge("broker_callbacks_waiting", "Callbacks not told yet.", "state")
CALLBACKS_OLDEST = gauge("broker_callbacks_oldest_seconds", "Age of the oldest owed callback.")
ENDPOINTS_OPEN = gauge("broker_callback_circuits_open", "Endpoints that are left alone now.")
TOLD = counter(
    "broker_callbacks", "Tries to tell customers, as all workers together counted them.", "outcome"
)
DEAD = gauge("broker_dead_letters", "Work that was set aside and waits for somebody.", "queue")
PARKED = gauge("broker_parked_news", "Carriers' news that fits no message yet.")
LEDGER = gauge(
    "broker_ledger_difference",
    "Accepted messages that are nowhere, or that nobody counted, in the last 48 hours.",
)
LEDGER_PLACES = gauge("broker_ledger_messages", "Messages of the last 48 hours by where they are.", "place")
LEDGER_AGE = gauge("broker_ledger_age_seconds", "Time since the ledger was checked.")

STANDING = (
    DEPTH, OLDEST, OUTBOX_OLDEST, MEMORY, REDIS_UP, SQL_UP, CIRCUITS, HELD, WAITING, CALLBACKS_OLDEST,
    ENDPOINTS_OPEN, TOLD, DEAD, PARKED, LEDGER, LEDGER_PLACES, LEDGER_AGE,
)  # fmt: skip

PLACES = ("accepted", "waiting", "in_flight", "final", "parked")

LETTERS: Mapping[str, str] = {
    "message": "submit",
    "webhook": "events",
    "media": "media",
    "callback": "callbacks",
}
"""The queue that a kind of dead letter comes from."""


class Standing:
    """What was seen last. `held` names the connections over which nothing goes, with "credentials" or "person"."""

    def __init__(
        self, meter: Meter, *, held: Callable[[], Mapping[Labels, float]], sql: Callable[[], bool]
    ) -> None:
        self._census: Census | None = None
        self._held = held
        self._sql = sql
        meter.source(self.collect)

    def see(self, census: Census) -> None:
        """Show what was seen just now."""
        self._census = census

    def miss(self) -> None:
        """Show that Redis did not answer just now."""
        self._census = None

    def collect(self) -> Iterable[Metric]:
        """Return the metrics; none of Redis's while it was not seen lately."""
        census = self._census
        if census is not None and time.time() - census.at > STALE_S:
            census = None
        values: dict[Measure, Mapping[Labels, float]] = {} if census is None else _values(census)
        values[REDIS_UP] = {(): float(census is not None)}
        values[SQL_UP] = {(): float(self._sql())}
        values[HELD] = self._held()
        for measure in STANDING:
            yield family(measure, values.get(measure, {}))


def _values(census: Census) -> dict[Measure, Mapping[Labels, float]]:
    figures = census.figures
    checked_ms = figures.get("ledger_checked_ms", 0)
    return {
        DEPTH: {(str(queue), state): number for (queue, state), number in census.depth.items()},
        OLDEST: {(str(queue),): seconds for queue, seconds in census.oldest_s.items()},
        OUTBOX_OLDEST: {(): census.unrecorded_s},
        MEMORY: {(): census.memory_share},
        CIRCUITS: {(name,): _state(circuit) for name, circuit in census.circuits.items()},
        WAITING: {
            ("owed",): figures.get("owed", 0),
            ("held",): figures.get("held", 0),
            ("given_up",): figures.get("kept", 0),
        },
        CALLBACKS_OLDEST: {(): census.oldest_s[Queue.CALLBACKS]},
        ENDPOINTS_OPEN: {(): figures.get("circuits_open", 0)},
        TOLD: {(name,): figures.get(name, 0) for name in ("told", "tried_again", "held_back", "given_up")},
        DEAD: {(queue,): figures.get(f"dead_{kind}", 0) for kind, queue in LETTERS.items()},
        PARKED: {(): figures.get("parked", 0)},
        LEDGER: {(): figures.get("ledger_difference", 0)},
        LEDGER_PLACES: {(place,): figures.get(f"ledger_{place}", 0) for place in PLACES},
        # Absent until there was a check, so that nobody takes silence for balance.
        LEDGER_AGE: {(): max(census.at - checked_ms / 1000, 0.0)} if checked_ms else {},
    }


def _state(circuit: Circuit) -> float:
    return (1 if circuit.probing else 2) if circuit.is_open else 0


async def watch(standing: Standing, client: Async, connections: Callable[[], Iterable[str]]) -> None:
    """Look again and again, until cancelled; for the loop of the ingress."""
    while True:
        names: Sequence[str] = tuple(connections())
        try:
            standing.see(await look(client, names))
        except (*AWAY, TimeoutError):
            standing.miss()
        await asyncio.sleep(EVERY_S)
