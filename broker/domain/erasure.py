"""The erasure of a number from everything that we hold."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class Step(StrEnum):
    """What an erasure is at, in this order."""

    WAIT = "wait"
    MESSAGES = "messages"
    OPEN = "open"
    WEBHOOKS = "webhooks"
    PARKED = "parked"
    OPT_OUTS = "opt_outs"
    DONE = "done"


@dataclass(frozen=True, slots=True, kw_only=True)
class Erasure:
    """One number to erase: `subject` is its keyed name, `number` itself is sealed, and gone once it is done.

    `after` is how far its step has come, `counts` say what was erased so far, `waiting` how many messages are still
    with a carrier, or not told to their account.
    """

    id: str
    subject: str
    number: str | None = field(repr=False)
    at: datetime
    who: str
    reason: str
    step: Step
    after: str = ""
    counts: Mapping[str, int] = field(default_factory=dict)
    ended_at: datetime | None = None
    waiting: int = 0
