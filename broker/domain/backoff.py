"""How long to wait before the next try."""

from collections.abc import Callable

_ENOUGH_DOUBLINGS = 60


def next_delay_s(attempt: int, first_s: float, longest_s: float, dice: Callable[[], float]) -> float:
    """Return the wait after failed attempt number `attempt` (from 1), in seconds.

    Full jitter: anything up to `first_s` doubled per attempt and capped at `longest_s`, so that those who
    failed together do not come back together; but at least half of `first_s`, so that nobody is back at once.
    `dice` returns a number from 0 up to but not including 1.
    """
    ceiling = min(longest_s, first_s * 2.0 ** min(max(attempt, 1) - 1, _ENOUGH_DOUBLINGS))
    floor = min(first_s / 2, ceiling)
    return floor + (ceiling - floor) * dice()


def doubled_s(attempt: int, first_s: float, longest_s: float, dice: Callable[[], float]) -> float:
    """Return the wait after failed attempt number `attempt` (from 1), in seconds: doubled, give or take a fifth.

    For schedules that are promised to somebody, who would be surprised by full jitter. `dice` is as above.
    """
    whole = min(longest_s, first_s * 2.0 ** min(max(attempt, 1) - 1, _ENOUGH_DOUBLINGS))
    return whole * (0.8 + 0.4 * dice())
