"""How everything is at a glance: what is asked, and what the answer is like."""

from pydantic import Field

from broker.dialects.native.answers import Answer, Stamp
from broker.dialects.native.parameters import parameters
from broker.dispatch import Queue
from broker.domain.message import Direction
from broker.domain.status import Status
from broker.domain.wire import Call
from broker.errors import Malformed

WINDOWS = ("15m", "1h", "6h", "24h", "7d", "all")
DEFAULT = "1h"


def parse_window(call: Call) -> str:
    """Return over how long to count; raises RequestError."""
    window = parameters(call, {"window"}).get("window", DEFAULT)
    if window not in WINDOWS:
        raise Malformed(f"must be one of {', '.join(WINDOWS)}", pointer="/window")
    return window


class TroubleView(Answer):
    """Something that a person should look at."""

    tone: str = Field(description="bad, or odd: wanted, or only to be known.")
    text: str
    page: str = Field(description="Where the console says more.")
    since: Stamp | None = Field(description="Since when, as far as that is known.")
    runbook: str | None = Field(description="The file of the repository that says what to do.")


class RatesView(Answer):
    """Messages a second, over the last minute."""

    accepted: float
    sent: float
    delivered: float
    failed: float


class LatencyView(Answer):
    """From acceptance to the carrier's receipt, of a sample."""

    p50_s: float
    p95_s: float
    p99_s: float


class QueueView(Answer):
    """How much waits in a queue, by where it does."""

    queue: Queue
    waiting: dict[str, int]
    oldest_s: float


class GlanceView(Answer):
    """How a connection does."""

    name: str
    state: str
    reason: str
    since: Stamp | None
    until: Stamp | None
    mps: float | None = Field(description="What it may carry a second; null: as much as it can.")
    waiting: int = Field(description="How many wait in its lanes.")
    rate: float = Field(description="What its carrier took a second.")
    failing: float | None = Field(description="Share of the attempts of the last minute that failed.")
    to_carrier: LatencyView | None


class CauseView(Answer):
    """Why messages ended badly."""

    status: Status
    cause: str
    messages: int


class OverviewView(Answer):
    """How everything is."""

    at: Stamp
    window: str
    since: Stamp | None
    attention: list[TroubleView]
    rates: RatesView
    to_carrier: LatencyView | None
    messages: dict[Direction, dict[Status, int]]
    counted_back_to: Stamp | None = Field(
        description="Set where older messages are not counted yet: ask again."
    )
    counted_as_of: Stamp | None = Field(
        description="Set where older messages are counted as they stood earlier."
    )
    queues: list[QueueView]
    connections: list[GlanceView]
    causes: list[CauseView]
    causes_of: int = Field(
        description="The causes are those of so many messages, the newest that ended badly."
    )
