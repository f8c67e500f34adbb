"""One thing that a customer is told."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from broker.domain.message import Message
from broker.domain.status import Status


class CallbackState(StrEnum):
    """Where a callback stands. A held one waits until its endpoint, which said 410, is used again."""

    OWED = "owed"
    HELD = "held"
    TOLD = "told"
    GIVEN_UP = "given_up"


@dataclass(frozen=True, slots=True, kw_only=True)
class Callback:
    """News of a message for its account, with all that a dialect needs to put it into words.

    `id` stays the same over retries, one for each message and status. `status` is what the message had become by
    `at`; `sequence` counts a message's callbacks from 1, and is a hint: they may overtake one another. `links` lead
    to the stored parts by their index. Every active secret of `secrets` signs. Times are aware UTC.
    """

    id: str
    message: Message
    status: Status
    sequence: int
    at: datetime
    sent_at: datetime
    url: str
    detail: str = ""
    links: Mapping[int, str] = field(default_factory=dict)
    secrets: tuple[str, ...] = field(default=(), repr=False)
