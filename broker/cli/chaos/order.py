"""Which status may be seen after which, however much was missed in between."""

from functools import cache

from broker.domain.status import TRANSITIONS, Status


def follows(before: Status, after: Status) -> bool:
    """Say whether a message that stood at one status may be found at the other later."""
    return before == after or after in _reachable(before)


@cache
def _reachable(status: Status) -> frozenset[Status]:
    found: set[Status] = set()
    waiting = [status]
    while waiting:
        here = waiting.pop()
        nexts = {after for (before, _), after in TRANSITIONS.items() if before == here} - found
        found |= nexts
        waiting += nexts
    return frozenset(found)
