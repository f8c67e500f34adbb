"""Where waiting messages wait, and for how long."""

import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager

import structlog

from broker.dispatch import Queue
from broker.domain.message import Priority
from broker.keyspace.client import AWAY
from broker.keyspace.ready import Popped

log = structlog.get_logger()

ALONE_AFTER = 2
"""An id that was put back this often is taken alone, so that a poisonous one harms only itself."""

SHORTEST_MS = 2_000
LONGEST_MS = 15 * 60_000


def queue_of(priority: Priority) -> Queue:
    """Return the queue that messages of a priority are submitted from."""
    return Queue.SUBMIT_HIGH if priority is Priority.HIGH else Queue.SUBMIT


def work_on(popped: Popped, work: Callable[[Sequence[str]], None]) -> None:
    """Do the work for the ids together, and for each that was put back too often by itself.

    Whatever one of these raises is raised after the last: two poisonous ids must not stand in a good one's way.
    """
    ids = list(dict.fromkeys(popped.ids))
    together = [one for one in ids if popped.pops[one] <= ALONE_AFTER]
    alone = [[one] for one in ids if popped.pops[one] > ALONE_AFTER]
    with ExitStack() as batches:
        for batch in reversed(([together] if together else []) + alone):
            batches.callback(work, batch)


@contextmanager
def repaired_later() -> Iterator[None]:
    """Go on while Redis is away: what is not entered or dropped here now, a sweep finds and repairs."""
    try:
        yield
    except AWAY as error:
        log.warning("redis_away", reason=type(error).__name__)


def next_look_ms(age_ms: int) -> int:
    """Return the wait until something missing is tried again: half the time it has been missing, give or take."""
    return round(min(max(age_ms / 2, SHORTEST_MS), LONGEST_MS) * random.uniform(0.75, 1.25))
