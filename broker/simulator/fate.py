"""Decide what a create request meets, by the dials."""

import time
from dataclasses import dataclass

from broker.simulator.faults import Dice, Faults


@dataclass(frozen=True, slots=True, kw_only=True)
class Fate:
    """Refused with `status`; or without one, whether it is taken and whether an answer is given."""

    status: int = 0
    taken: bool = True
    answered: bool = True

    @property
    def outcome(self) -> str:
        """Name the fate as the journal does."""
        if self.status:
            return f"refused {self.status}"
        if not self.taken:
            return "dropped"
        return "accepted" if self.answered else "accepted, answer dropped"


class Fates:
    """Hold the dials, the dice and the count of creates per second."""

    def __init__(self) -> None:
        self.turn(Faults())

    def turn(self, faults: Faults) -> None:
        """Set the dials."""
        self.faults = faults
        self.dice = Dice(faults.seed)
        self._next = list(faults.next_statuses)
        self._level = max(1.0, faults.throttle_rate or 0.0)
        self._at = time.monotonic()

    def decide(self) -> Fate:
        """Return the fate of the next create."""
        faults = self.faults
        if self._next:
            return Fate(status=self._next.pop(0), taken=False)
        if not self._allows():
            return Fate(status=429, taken=False)
        status = self.dice.pick(faults.errors)
        if status is not None:
            return Fate(status=status, taken=False)
        if self.dice.hits(faults.drop_before_accept):
            return Fate(taken=False, answered=False)
        return Fate(answered=not self.dice.hits(faults.accept_then_drop))

    def latency_s(self) -> float:
        """Return how long the answer to the next create takes."""
        return (self.faults.latency_ms + self.dice.up_to(self.faults.latency_jitter_ms)) / 1000

    def _allows(self) -> bool:
        """Take from a bucket that holds one second's worth of creates."""
        rate = self.faults.throttle_rate
        if rate is None:
            return True
        now = time.monotonic()
        self._level = min(max(1.0, rate), self._level + (now - self._at) * rate)
        self._at = now
        if self._level < 1:
            return False
        self._level -= 1
        return True
