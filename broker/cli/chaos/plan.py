"""Which faults come, and in which order."""

import random
from collections.abc import Sequence


def plan(kinds: Sequence[str], *, seed: int, count: int) -> tuple[str, ...]:
    """Return `count` faults: all kinds in random order, then all again in another, by the seed alone."""
    dice = random.Random(seed)
    order: list[str] = []
    while len(order) < count:
        order += dice.sample(sorted(kinds), len(kinds))
    return tuple(order[:count])
