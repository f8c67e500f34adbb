"""Where waiting messages wait, and for how long."""

import random
from collections.abc import Iterator
from contextlib import contextmanager

import structlog

from broker.dispatch import Queue
from broker.domain.message import Priority
from broker.keyspace.client import AWAY

log = structlog.get_logger()

CROWD = 1000
"""A ready list that is longer than this needs nobody to be put back on it."""

SHORTEST_MS = 2_000
LONGEST_MS = 15 * 60_000


def queue_of(priority: Priority) -> Queue:
    """Return the queue that messages of a priority are submitted from."""
    return Queue.SUBMIT_HIGH if priority is Priority.HIGH else Queue.SUBMIT


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
