"""What the ingress counts."""

import time
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping
from itertools import accumulate

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import generate_latest
from prometheus_client.registry import Collector

from broker import __version__
from broker.ingress.ledger_metrics import books_of
from broker.keyspace.circuits import Circuit
from broker.keyspace.pressure import Pressure

BUCKETS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


def callbacks_told(figures: Mapping[str, int], *, now_ms: float) -> Iterator[Metric]:
    """Return what workers counted of callbacks, and how these stood a few seconds ago."""
    tries = CounterMetricFamily("broker_callbacks", "Tries to tell customers.", labels=["outcome"])
    for outcome in ("told", "tried_again", "held_back", "given_up"):
        tries.add_metric([outcome], figures.get(outcome, 0))
    yield tries
    states = GaugeMetricFamily("broker_callbacks_waiting", "Callbacks not told yet.", labels=["state"])
    for state, name in (("owed", "owed"), ("held", "held"), ("given_up", "kept")):
        states.add_metric([state], figures.get(name, 0))
    yield states
    oldest_ms = figures.get("oldest_ms", 0)
    age_s = max((now_ms - oldest_ms) / 1000, 0.0) if oldest_ms else 0.0
    yield GaugeMetricFamily("broker_callbacks_oldest_seconds", "Age of the oldest owed callback.", age_s)
    yield GaugeMetricFamily(
        "broker_callback_circuits_open", "Endpoints that are left alone now.", figures.get("circuits_open", 0)
    )


def circuits_of(circuits: Mapping[str, Circuit]) -> Iterator[Metric]:
    """Return how the circuits of connections stood a moment ago."""
    states = GaugeMetricFamily(
        "broker_circuit_state",
        "Circuit of a connection: 0 closed, 1 tried with a few, 2 open.",
        labels=["connection"],
    )
    for name, circuit in circuits.items():
        states.add_metric([name], (1 if circuit.probing else 2) if circuit.is_open else 0)
    yield states


class Meter(Collector):
    """Counts in plain dictionaries, since the hot path counts too, and makes metrics of them when it is asked.

    Labels are route templates, methods and words of our own: never a tenant, a number, an id or a raw path.
    """

    def __init__(self, pressure: Pressure) -> None:
        self._pressure = pressure
        self._requests: dict[tuple[str, str, int], int] = {}
        self._times: dict[str, list[float]] = {}
        self._accepted = {"sms": 0, "mms": 0}
        self._replayed = 0
        self._counts: dict[tuple[str, str, tuple[str, ...], tuple[str, ...]], int] = {}
        self._registry = CollectorRegistry()
        self._registry.register(self)

    def answered(self, route: str, method: str, status: int, seconds: float) -> None:
        """Count one answer; the last two places of a route's times hold how many there were and their sum."""
        key = (route, method, status)
        self._requests[key] = self._requests.get(key, 0) + 1
        times = self._times.get(route)
        if times is None:
            times = self._times[route] = [0.0] * (len(BUCKETS_S) + 2)
        times[bisect_left(BUCKETS_S, seconds)] += 1
        times[-1] += seconds

    def accepted(self, kind: str, messages: int, *, replayed: bool) -> None:
        """Count the messages of a request that were taken ("sms" or "mms"), or one that had been taken before."""
        if replayed:
            self._replayed += 1
        else:
            self._accepted[kind] += messages

    def count(self, name: str, help_: str, **labels: str) -> None:
        """Count something that happened."""
        key = (name, help_, tuple(labels), tuple(labels.values()))
        self._counts[key] = self._counts.get(key, 0) + 1

    def page(self) -> bytes:
        """Return everything in the text form that Prometheus reads."""
        return generate_latest(self._registry)

    def collect(self) -> Iterable[Metric]:
        """Return the metrics as they stand."""
        build = GaugeMetricFamily("broker_build_info", "Which version runs.", labels=["version"])
        build.add_metric([__version__], 1)
        yield build
        requests = CounterMetricFamily(
            "broker_http_requests", "Requests answered.", labels=["route", "method", "status"]
        )
        for (route, method, status), number in self._requests.items():
            requests.add_metric([route, method, str(status)], number)
        yield requests
        yield self._histogram()
        accepted = CounterMetricFamily(
            "broker_messages_accepted", "Messages taken from customers.", labels=["type", "direction"]
        )
        for kind, number in self._accepted.items():
            accepted.add_metric([kind, "out"], number)
        yield accepted
        replays = CounterMetricFamily(
            "broker_idempotency", "Requests with a key used before.", labels=["result"]
        )
        replays.add_metric(["replayed"], self._replayed)
        yield replays
        yield from self._happenings()
        yield from self._depths()
        yield from circuits_of(self._pressure.circuits)
        yield from callbacks_told(self._pressure.callbacks, now_ms=time.time() * 1000)
        yield from books_of(self._pressure.callbacks, now_ms=time.time() * 1000)

    def _histogram(self) -> Metric:
        seconds = HistogramMetricFamily("broker_http_request_seconds", "Time to answer.", labels=["route"])
        bounds = [*map(str, BUCKETS_S), "+Inf"]
        for route, times in self._times.items():
            below = accumulate(times[:-1])
            seconds.add_metric([route], list(zip(bounds, below, strict=True)), sum_value=times[-1])
        return seconds

    def _happenings(self) -> Iterator[Metric]:
        families: dict[str, CounterMetricFamily] = {}
        for (name, help_, labels, values), number in self._counts.items():
            family = families.setdefault(name, CounterMetricFamily(name, help_, labels=labels))
            family.add_metric(values, number)
        yield from families.values()

    def _depths(self) -> Iterator[Metric]:
        pressure = self._pressure
        depth = GaugeMetricFamily("broker_queue_depth", "Ids in a list of Redis.", labels=["queue", "state"])
        oldest = GaugeMetricFamily(
            "broker_queue_oldest_seconds", "Age of the first in line.", labels=["queue"]
        )
        for queue, number in pressure.depth.items():
            depth.add_metric([queue, "ready"], number)
            depth.add_metric([queue, "unrecorded"], pressure.outbox[queue])
            oldest.add_metric([queue], pressure.oldest_s[queue])
        yield depth
        yield oldest
        yield GaugeMetricFamily(
            "broker_redis_memory_share", "Part of Redis's limit in use.", pressure.memory_share
        )
