"""Counts in plain dictionaries, and makes metrics of them when it is asked."""

import threading
import time
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import accumulate

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import generate_latest
from prometheus_client.registry import Collector

from broker import __version__
from broker.metrics.measure import Kind, Measure
from broker.metrics.measures import BUILD

Labels = tuple[str, ...]
Read = Callable[[], Mapping[Labels, float]]
"""Says how a gauge stands, by its labels."""

Family = CounterMetricFamily | GaugeMetricFamily | HistogramMetricFamily

NOTHING: Labels = ()


class Meter(Collector):
    """What one process counts. For threads; one call costs less than a microsecond or two."""

    def __init__(self, role: str, measures: Iterable[Measure] = ()) -> None:
        self._role = role
        self._lock = threading.Lock()
        self._counts: dict[Measure, dict[Labels, float]] = {}
        self._times: dict[Measure, dict[Labels, list[float]]] = {}
        self._reads: dict[Measure, Read] = {}
        self._sources: list[Callable[[], Iterable[Metric]]] = []
        self.show(BUILD, lambda: {(__version__, role): 1})
        for measure in measures:
            self._begin(measure)
        self._registry = CollectorRegistry()
        self._registry.register(self)
        ProcessCollector(registry=self._registry)

    def _begin(self, measure: Measure) -> None:
        """Show a measure from now on, also while there is nothing to tell of it."""
        if measure.kind is Kind.COUNTER:
            self._counts.setdefault(measure, dict.fromkeys(measure.start, 0))
        elif measure.kind is Kind.HISTOGRAM:
            self._times.setdefault(measure, {labels: _row(measure) for labels in measure.start})
        else:
            self._reads.setdefault(measure, dict)

    def count(self, measure: Measure, *labels: str, by: float = 1) -> None:
        """Count something that happened."""
        with self._lock:
            counts = self._counts.setdefault(measure, {})
            counts[labels] = counts.get(labels, 0) + by

    def add(self, measure: Measure, happened: Mapping[Labels, float]) -> None:
        """Count many things at once."""
        with self._lock:
            counts = self._counts.setdefault(measure, {})
            for labels, number in happened.items():
                counts[labels] = counts.get(labels, 0) + number

    def counted(self, measure: Measure) -> dict[Labels, float]:
        """Return how often something has happened, by its labels."""
        with self._lock:
            return dict(self._counts.get(measure, {}))

    def time(self, measure: Measure, seconds: float, *labels: str) -> None:
        """Count a time in its bucket."""
        self.times(measure, ((labels, seconds),))

    def times(self, measure: Measure, took: Iterable[tuple[Labels, float]]) -> None:
        """Count many times; the last place of a row holds their sum."""
        with self._lock:
            rows = self._times.setdefault(measure, {})
            for labels, seconds in took:
                row = rows.get(labels)
                if row is None:
                    row = rows[labels] = _row(measure)
                row[bisect_left(measure.bounds, seconds)] += 1
                row[-1] += seconds

    @contextmanager
    def timing(self, measure: Measure, *labels: str) -> Iterator[None]:
        """Count the time that a block takes, however it ends."""
        started = time.perf_counter()
        try:
            yield
        finally:
            self.time(measure, time.perf_counter() - started, *labels)

    def show(self, measure: Measure, read: Read) -> None:
        """Show how something stands, as `read` says when somebody looks."""
        self._reads[measure] = read

    def source(self, collect: Callable[[], Iterable[Metric]]) -> None:
        """Show what another one collects as well."""
        self._sources.append(collect)

    def page(self) -> bytes:
        """Return everything in the text form that Prometheus reads."""
        return generate_latest(self._registry)

    def collect(self) -> Iterable[Metric]:
        """Return the metrics as they stand."""
        with self._lock:
            counts = {measure: dict(found) for measure, found in self._counts.items()}
            times = {
                measure: {labels: list(row) for labels, row in rows.items()}
                for measure, rows in self._times.items()
            }
        for measure, found in counts.items():
            yield family(measure, found)
        for measure, rows in times.items():
            yield histogram_family(measure, rows)
        for measure, read in list(self._reads.items()):
            yield family(measure, read())
        for collect in self._sources:
            yield from collect()


def family(measure: Measure, found: Mapping[Labels, float]) -> Metric:
    """Return a measure with its values by label, as a counter or a gauge."""
    kind = CounterMetricFamily if measure.kind is Kind.COUNTER else GaugeMetricFamily
    made = kind(measure.name, measure.text, labels=measure.labels)
    for labels, number in found.items():
        made.add_metric(labels, number)
    return made


def _row(measure: Measure) -> list[float]:
    return [0.0] * (len(measure.bounds) + 2)


def histogram_family(measure: Measure, rows: Mapping[Labels, Sequence[float]]) -> Metric:
    """Return a measure of times; the last place of a row holds their sum, the others how many were in each bucket."""
    made = HistogramMetricFamily(measure.name, measure.text, labels=measure.labels)
    bounds = [*map(str, measure.bounds), "+Inf"]
    for labels, row in rows.items():
        made.add_metric(labels, list(zip(bounds, accumulate(row[:-1]), strict=True)), sum_value=row[-1])
    return made
