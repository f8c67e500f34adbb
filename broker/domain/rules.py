"""What an account wants done with opt-outs, and for how long its messages are kept."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from broker.domain.optout import Wish


class Kept(StrEnum):
    """What is removed from messages in its time."""

    TEXT = "text"
    MEDIA = "media"
    EVENTS = "events"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """Rules of an account. `enforced`: we keep its opt-outs; otherwise its customer does.

    `answers` are the texts that go out to who asks, where the account wants any. `days` say how long what is kept; what
    is absent is kept as the settings say.
    """

    enforced: bool = True
    answers: Mapping[Wish, str] = field(default_factory=dict)
    days: Mapping[Kept, int] = field(default_factory=dict)


USUAL = Rules()
