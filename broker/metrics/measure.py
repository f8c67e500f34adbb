"""One thing that is counted, timed or shown: its name, its meaning, its labels."""

from dataclasses import dataclass
from enum import StrEnum

QUICK_S = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)
"""Bounds for what should take a millisecond."""

CALL_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 60.0)
"""Bounds for what others take to answer."""

STAY_S = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0, 60.0, 300.0, 900.0, 3600.0, 14400.0, 86400.0)
"""Bounds for how long something waits with us."""


class Kind(StrEnum):
    """How a measure is read."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Measure:
    """A metric family. `start` are label values that are shown from nought on; a label's values are words of ours.

    No label may ever hold an account, a number, an id or a raw path: they grow, and they are nobody's business.
    """

    name: str
    text: str
    kind: Kind = Kind.COUNTER
    labels: tuple[str, ...] = ()
    start: tuple[tuple[str, ...], ...] = ()
    bounds: tuple[float, ...] = ()


def counter(name: str, text: str, *labels: str, start: tuple[str, ...] = ()) -> Measure:
    """Return a measure that only grows; `start` are the values of its one label."""
    first = tuple((word,) for word in start) or (() if labels else ((),))
    return Measure(name=name, text=text, labels=labels, start=first)


def gauge(name: str, text: str, *labels: str) -> Measure:
    """Return a measure of how something stands."""
    return Measure(name=name, text=text, kind=Kind.GAUGE, labels=labels)


def histogram(name: str, text: str, *labels: str, bounds: tuple[float, ...]) -> Measure:
    """Return a measure of times, counted in buckets up to each bound, in seconds."""
    start = () if labels else ((),)
    return Measure(name=name, text=text, kind=Kind.HISTOGRAM, labels=labels, start=start, bounds=bounds)
