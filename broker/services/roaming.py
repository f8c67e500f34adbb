"""Go through all that is due, as far as one sweep may, and go on there at the next."""

from collections.abc import Callable, Sequence
from functools import partial

from broker.dispatch import Queue
from broker.runtime import Runtime
from broker.services.backlog import CROWD
from broker.storage import due

PAGE = 1000
"""Most due messages that are looked up together."""

PAGES = 50
"""Most pages of one sweep."""

MOST = 200
"""Most messages of one pass: they are moved in one transaction."""


def roam(
    runtime: Runtime,
    look_at: Callable[[Sequence[str]], None],
    *,
    now_ms: int,
    page: int = PAGE,
    pages: int = PAGES,
) -> None:
    """Look at what is due, from where the last sweep ended; after the end begins the next from the start.

    What only waits for its turn is not even loaded while the ready lists are crowded. So however much waits for workers
    that are away, leases, deadlines and validities behind it end in time.
    """
    after = runtime.schedule.place("sweep")
    for _ in range(pages):
        found = runtime.database.read(partial(due.due, now_ms=now_ms, limit=page, after=after))
        crowded = all(runtime.ready.waiting(queue) >= CROWD for queue in (Queue.SUBMIT, Queue.SUBMIT_HIGH))
        ids = [one.id for one in found if not (one.waits and crowded)]
        for n in range(0, len(ids), MOST):
            look_at(ids[n : n + MOST])
        if len(found) < page:
            after = (0, "")
            break
        after = (found[-1].due_at, found[-1].id)
    runtime.schedule.keep_place("sweep", after)
