"""How connections are, in a word: in use, stopped by a person, held, or left alone since the carrier fails."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from broker.domain.usage import CircuitState, Stop, Usage
from broker.services.connections import Connections


class State(StrEnum):
    """The word for how a connection is."""

    READY = "Ready"
    PAUSED = "Paused"
    ON_HOLD = "On hold"
    DRAINING = "Draining"
    DRAINED = "Drained"
    HELD = "Held"
    OPEN = "Circuit open"


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """One connection. `since` and `reason` tell of a state that is not Ready, `until` when it ends by itself."""

    usage: Usage
    state: State
    since: datetime | None = None
    reason: str = ""
    until: datetime | None = None

    @property
    def name(self) -> str:
        """The connection's name."""
        return self.usage.name


class Carrying:
    """Says how connections are. Raises Busy while SQL or Redis is away."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    async def all(self) -> list[Link]:
        """Return every connection, in the order they were provisioned."""
        return [_link(one) for one in await self._connections.all()]

    async def one(self, name: str) -> Link:
        """Return one connection; raises NotFound."""
        return _link(await self._connections.one(name))


def _link(usage: Usage) -> Link:
    if usage.stop in {Stop.PAUSE, Stop.HOLD}:
        state = State.PAUSED if usage.stop is Stop.PAUSE else State.ON_HOLD
        return _stopped(usage, state)
    if usage.held_at is not None:
        return Link(usage=usage, state=State.HELD, since=usage.held_at, reason=usage.held_reason)
    if usage.circuit is not CircuitState.CLOSED:
        return Link(usage=usage, state=State.OPEN, reason=f"{usage.failures} failures in a row")
    if usage.stop is Stop.DRAIN:
        state = State.DRAINING if usage.left else State.DRAINED
        return _stopped(usage, state)
    return Link(usage=usage, state=State.READY)


def _stopped(usage: Usage, state: State) -> Link:
    return Link(
        usage=usage,
        state=state,
        since=usage.paused_at,
        reason=usage.paused_reason,
        until=usage.paused_until,
    )
