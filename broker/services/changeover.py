"""Let what waits for a connection that may not be used now go by the other one of its route."""

from collections import defaultdict
from collections.abc import Iterator
from functools import partial

import structlog

from broker.directory import Snapshot
from broker.dispatch import Queue
from broker.domain.account import Route
from broker.runtime import Runtime
from broker.services.backlog import CROWD, queue_of
from broker.services.failover import ways
from broker.storage import lanes, messages

log = structlog.get_logger()

MOST = 200
"""Most messages of one step."""
STEPS = 5
"""Most steps of one turn for each lane: the next turn goes on."""


def change_over(runtime: Runtime, known: Snapshot, now_ms: int) -> None:
    """Take out of their lanes what may go by another connection; a take looks at each again and decides."""
    shut = _shut(runtime, known, now_ms)
    for name, route in _changes(known, shut):
        moved = _lane(runtime, known, (name, route.sender), account=route.account)
        if moved:
            log.info("messages_changed_over", connection=name, messages=moved)


def _shut(runtime: Runtime, known: Snapshot, now_ms: int) -> set[str]:
    kept = {name for name, one in known.providers.items() if one.connection.keeps}
    stopped = {name for name, one in known.providers.items() if one.connection.is_stopped} - kept
    failing = runtime.breakers.look([name for name in known.providers if name not in stopped | kept])
    return stopped | {name for name, one in failing.items() if one.is_open and one.until > now_ms}


def _changes(known: Snapshot, shut: set[str]) -> Iterator[tuple[str, Route]]:
    """Yield the connections that are shut, each with the routes that have another one which is not."""
    for route in known.routes.values():
        pair = {route.connection, route.fallback}
        for name in pair & shut:
            if name is not None and route.fallback is not None and not pair - {name} <= shut:
                yield name, route


def _lane(runtime: Runtime, known: Snapshot, lane: lanes.Lane, *, account: str) -> int:
    moved, after = 0, ""
    for _ in range(STEPS):
        page = runtime.database.read(partial(lanes.page, lane=lane, after=after, limit=MOST))
        if not page:
            break
        after = page[-1].id
        whole = runtime.database.read(
            partial(messages.load, ids=[one.id for one in page if one.account == account])
        )
        ready: dict[Queue, list[str]] = defaultdict(list)
        for one in whole.values():
            if len(ways(one, known)) > 1:
                ready[queue_of(one.priority)].append(one.id)
        for queue, ids in ready.items():
            if runtime.ready.waiting(queue) < CROWD:
                runtime.lanes.leave({lane: ids})
                runtime.ready.push(queue, ids)
                moved += len(ids)
    return moved
