"""Compare lanes with SQL: enter what Redis lost of them, take out what waits no more."""

from functools import partial

import structlog

from broker.directory import Snapshot
from broker.domain.account import Connection
from broker.runtime import Runtime
from broker.services.lanes import place_of
from broker.storage import lanes
from broker.storage.lanes import Lane

log = structlog.get_logger()

EVERY_MS = 15_000
"""Between two comparisons: what was deleted is back within a minute, also if it was a million."""

WHOLE_MS = 600_000
"""Between two comparisons, id by id, of lanes that lack less than half: usually that is just on its way to a worker."""

PAGE = 1000


def keep_up(runtime: Runtime, known: Snapshot) -> None:
    """Rebuild lanes now and then."""
    if runtime.schedule.turn("lanes", every_ms=EVERY_MS):
        rebuild(runtime, known)


def rebuild(runtime: Runtime, known: Snapshot) -> None:
    """Make lanes hold what SQL says, where their sizes differ."""
    wanted = runtime.database.read(lanes.counts)
    names = list(wanted.keys() | runtime.restoring.known(list(known.providers)))
    held = dict(zip(names, runtime.lanes.depths(names), strict=True))
    runtime.restoring.take_turns(wanted, now_ms=runtime.ready.now_ms())
    whole = runtime.schedule.turn("lanes:whole", every_ms=WHOLE_MS)
    for lane in names:
        lacks = wanted.get(lane, 0) - held[lane]
        if lacks > 0 and (whole or 2 * lacks >= wanted[lane]):
            _enter(runtime, known, lane)
        elif lacks < 0:
            _clear(runtime, lane)
    runtime.restoring.end_detours()


def _enter(runtime: Runtime, known: Snapshot, lane: Lane) -> None:
    """Enter what SQL says a lane must hold, but what is on its way to a worker."""
    provider = known.providers.get(lane[0])
    connection = Connection(name=lane[0], provider="") if provider is None else provider.connection
    after, entered = "", 0
    while True:
        page = runtime.database.read(partial(lanes.page, lane=lane, after=after, limit=PAGE))
        entered += runtime.restoring.restore([place_of(message, connection) for message in page])
        if len(page) < PAGE:
            break
        after = page[-1].id
    if entered:
        log.warning("lane_rebuilt", connection=lane[0], messages=entered)


def _clear(runtime: Runtime, lane: Lane) -> None:
    """Take out what waits no more: it was cancelled, has expired, or was claimed by a worker that died."""
    for ids in runtime.restoring.pages(lane, PAGE):
        still = runtime.database.read(partial(lanes.still, ids=ids))
        runtime.lanes.leave({lane: [name for name in ids if name not in still]})
