"""How a connection stands."""

from datetime import datetime
from enum import StrEnum

from broker.domain.value import value


class Stop(StrEnum):
    """What a person wants of a connection until it is resumed.

    Paused, nothing is submitted over it: its messages go by the other connection of their route, or wait. On hold they
    wait, also where there is another. Draining, it finishes what it was given, and what is new goes by the other one.
    """

    PAUSE = "pause"
    HOLD = "hold"
    DRAIN = "drain"


class CircuitState(StrEnum):
    """Whether a connection's carrier is left alone, since it failed again and again, or tried with a few."""

    CLOSED = "closed"
    TRYING = "trying"
    OPEN = "open"


FASTEST = 100_000
"""Highest rate that a person may give, a second."""


@value
class Rate:
    """A change of how much a connection carries a second; None: as much as it can. What is not `given` stays."""

    mps: float | None = None
    sender_mps: float | None = None
    given: frozenset[str] = frozenset({"mps", "sender_mps"})


@value
class Usage:
    """A connection as operators see it: its rates, why it is stopped and since when, how much waits for it.

    `paused_until` is when a person's stop ends by itself, if it does; `left` is how much a connection that drains has
    still to finish. `failures` are those in a row that its circuit counts.
    """

    name: str
    provider: str
    mps: float | None
    sender_mps: float | None
    mps_unit: str
    held_at: datetime | None
    held_reason: str
    paused_at: datetime | None
    paused_reason: str
    paused_until: datetime | None = None
    stop: Stop | None = None
    waiting: int = 0
    left: int = 0
    circuit: CircuitState = CircuitState.CLOSED
    failures: int = 0
