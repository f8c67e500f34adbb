"""Delete what has been kept for long enough, a little at a time."""

from datetime import timedelta
from functools import partial

import structlog

from broker.runtime import Runtime
from broker.services.outcome import at
from broker.storage import logbook

log = structlog.get_logger()

MOST = 500
"""Most rows of one transaction: others want to write too."""
PASSES = 200
"""Most transactions of one turn."""


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
