"""Delete what has been kept for long enough, a little at a time."""

from datetime import timedelta
from functools import partial

import structlog

from broker.runtime import Runtime
from broker.services.outcome import at
from broker.storage import logbook, told

log = structlog.get_logger()

MOST = 500
"""Most rows of one transaction: others want to write too."""
PASSES = 200
"""Most transactions of one turn."""


def forget_callbacks(runtime: Runtime) -> None:
    """Delete old callbacks that were told or given up; those that are owed or held stay."""
    before = at(runtime.ready.now_ms()) - timedelta(seconds=runtime.settings.callback_keep_s)
    deleted, after = 0, ""
    while True:
        gone, last = runtime.database.write(partial(told.forget, before=before, after=after, limit=MOST))
        deleted += gone
        if last is None:
            break
        after = last
    if deleted:
        log.info("callbacks_forgotten", callbacks=deleted)


def forget(runtime: Runtime) -> None:
    """Delete old entries of the event log, and carriers' old webhooks."""
    before = at(runtime.ready.now_ms()) - timedelta(seconds=runtime.settings.log_keep_s)
    passes = deleted = 0
    for name in runtime.database.read(logbook.names):
        more = True
        while more and passes < PASSES:
            job = partial(logbook.forget, name=name, before=before, limit=MOST)
            gone = runtime.database.write(job)
            deleted += gone
            passes += 1
            more = gone >= MOST
    if deleted:
        log.info("log_forgotten", rows=deleted)
