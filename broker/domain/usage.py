"""How a connection stands."""

from datetime import datetime

from broker.domain.value import value


@value
class Usage:
    """A connection as operators see it: its rates, why it is stopped and since when, how much waits for it."""

    name: str
    provider: str
    mps: float | None
    sender_mps: float | None
    mps_unit: str
    held_at: datetime | None
    held_reason: str
    paused_at: datetime | None
    paused_reason: str
    waiting: int = 0
