"""Let connections go on whose stop has an end, once its time has come."""

from functools import partial

import structlog

from broker.domain.deed import Deed, Door
from broker.domain.usage import Usage
from broker.runtime import Runtime
from broker.services.outcome import at
from broker.storage import accounts, audit
from broker.storage.database import Sql

log = structlog.get_logger()

NOBODY = "the clock"
"""Who does what nobody does: as the audit names it."""


def lift(runtime: Runtime, now_ms: int) -> None:
    """End the stops whose time is over, and note each in the transaction that ends it."""
    if not runtime.database.read(partial(accounts.over, now_ms=now_ms)):
        return
    lifted = runtime.database.write(partial(_lift, now_ms=now_ms))
    runtime.directory.forget()
    for one in lifted:
        log.warning("connection_resumed", connection=one.name, operator=NOBODY)


def _lift(sql: Sql, *, now_ms: int) -> list[Usage]:
    lifted = [one for one in accounts.over(sql, now_ms) if accounts.lift(sql, one)]
    for one in lifted:
        deed = Deed(
            operator=NOBODY,
            door=Door.CLOCK,
            action="connections resume",
            subject=one.name,
            reason="its time was over",
            details={"stop": str(one.stop), "until": f"{one.paused_until:%Y-%m-%dT%H:%M:%SZ}"},
        )
        audit.note(sql, deed, at=at(now_ms))
    return lifted
