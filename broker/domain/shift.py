"""How a worker stands: whether it takes work, and what it did."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

SILENT_MS = 15_000
"""After so long without a word a worker counts as silent: it speaks every few seconds."""


class Shift(StrEnum):
    """How a worker stands.

    A worker that was told to drain takes no new work and finishes what it has; then it is drained, and lives on until
    it is resumed. It says itself which of the first three is so; it is resuming while it has not heard that it may.
    """

    WORKING = "working"
    DRAINING = "draining"
    DRAINED = "drained"
    RESUMING = "resuming"
    SILENT = "silent"


def shift_of(said: str, *, wished: bool, silent_ms: int) -> Shift:
    """Return how a worker stands, by what it said so long ago, and by whether it is wished to take no work."""
    if silent_ms > SILENT_MS:
        return Shift.SILENT
    if wished:
        return Shift.DRAINED if said == Shift.DRAINED else Shift.DRAINING
    return Shift.WORKING if said == Shift.WORKING else Shift.RESUMING


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A worker process. `busy` of its threads work on rings; it has said nothing for `silent_s`.

    `taken` is how many ids a second it took lately, by queue. `reason` and `since` are of who wants it to take no work.
    """

    name: str
    host: str
    pid: int
    queues: tuple[str, ...]
    threads: int
    busy: int
    done: int
    failed: int
    memory: int
    version: str
    taken: Mapping[str, float]
    shift: Shift
    silent_s: float
    began: datetime
    up_s: float
    reason: str
    since: datetime | None
