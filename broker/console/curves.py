"""The shapes of the overview's charts: curves, bars, and bars upon each other."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from broker.services.charts import Point

STEP, HEIGHT = 10, 100
_BEGUN = 4
"""A step is drawn once a fourth of it is over: of a moment no rate can be told."""
_TOP = 96
"""So high is the highest point of a curve: a line has a width."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Curves:
    """Paths by their names, broken where nothing is known; `most` is the highest value."""

    paths: Mapping[str, str]
    most: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """A piece of a bar: what it is of, and where it lies."""

    name: str
    x: int
    y: float
    height: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Stack:
    """Bars of pieces upon each other; `names` are those that are seen, `most` is the highest bar."""

    names: Sequence[str]
    pieces: Sequence[Piece]
    most: int


def curves(rows: Mapping[str, Sequence[float | None]]) -> Curves:
    """Return curves over the same steps, on one scale."""
    most = max((one for row in rows.values() for one in row if one is not None), default=0.0)
    return Curves(paths={name: _path(row, most or 1) for name, row in rows.items()}, most=most)


def latency(points: Sequence[Point]) -> Curves:
    """Return the curves of how long messages took."""
    return curves(
        {
            name: [None if one.latency is None else getattr(one.latency, name) for one in points]
            for name in ("p50", "p95", "p99")
        }
    )


def throughput(points: Sequence[Point], now: datetime) -> Curves:
    """Return the curves of what came and went, a second; a step that has only just begun is left out."""
    return curves(
        {
            name: [_rate(getattr(one, name), one, now) for one in points]
            for name in ("made", "sent", "good", "bad")
        }
    )


def depth(points: Sequence[Point]) -> Stack:
    """Return the bars of what waited, of all queues in which anything did."""
    seen = {name for one in points for name, number in (one.depth or {}).items() if number}
    names = sorted(seen)
    most = max((sum((one.depth or {}).values()) for one in points), default=0)
    pieces: list[Piece] = []
    for place, one in enumerate(points):
        below = 0.0
        for name in names:
            height = (one.depth or {}).get(name, 0) / (most or 1) * HEIGHT
            below += height
            if height:
                y, x = round(HEIGHT - below, 2), place * STEP
                pieces.append(Piece(name=name, x=x, y=y, height=round(height, 2)))
    return Stack(names=names, pieces=pieces, most=most)


def _rate(number: int | None, one: Point, now: datetime) -> float | None:
    step, over = one.until - one.at, min(one.until, now) - one.at
    return None if number is None or over < step / _BEGUN else number / over.total_seconds()


def _path(row: Sequence[float | None], most: float) -> str:
    pieces: list[str] = []
    for place, one in enumerate(row):
        if one is None:
            continue
        x = place * STEP + STEP // 2
        y = round(HEIGHT - one / most * _TOP, 1)
        # A point without neighbours is a line of no length: round ends make it seen.
        joined = place and row[place - 1] is not None
        pieces.append(f"L{x} {y}" if joined else f"M{x} {y}h0")
    return "".join(pieces)
