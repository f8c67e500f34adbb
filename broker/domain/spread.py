"""How times are spread: counted by steps that grow, so that the counts of many minutes can be added up."""

from collections import Counter
from collections.abc import Iterable, Mapping
from math import ceil, floor, log

_FIRST_MS, _GROWS = 10.0, 1.1
"""The first step, and how much longer each is than the one before: a time is known to a twentieth."""

Spread = Mapping[int, int]
"""How many times fall into each step, by its number."""


def spread(waits_ms: Iterable[float]) -> dict[int, int]:
    """Count times by their steps."""
    return dict(Counter(_step(one) for one in waits_ms))


def added(spreads: Iterable[Spread]) -> dict[int, int]:
    """Return the counts of several spreads together."""
    total: Counter[int] = Counter()
    for one in spreads:
        total.update(one)
    return dict(total)


def percentiles(found: Spread, shares: Iterable[float]) -> list[float] | None:
    """Return the times in seconds that so large a share took at most, by nearest rank; None of none."""
    number = sum(found.values())
    if not number:
        return None
    ranks = [ceil(share * number) for share in shares]
    steps = sorted(found)
    return [_seconds(next(step for step in steps if _up_to(found, step) >= rank)) for rank in ranks]


def _up_to(found: Spread, step: int) -> int:
    return sum(number for one, number in found.items() if one <= step)


def _step(wait_ms: float) -> int:
    return 0 if wait_ms <= _FIRST_MS else 1 + floor(log(wait_ms / _FIRST_MS, _GROWS))


def _seconds(step: int) -> float:
    """Return the middle of a step."""
    return _FIRST_MS * _GROWS ** (step - 0.5) / 1000 if step else _FIRST_MS / 2000
