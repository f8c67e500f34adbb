"""What an account wants done with opt-outs, and for how long its messages are kept."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from broker.domain.optout import Wish


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """Rules of an account. `enforced`: we keep its opt-outs; otherwise its customer does.

    `answers` are the texts that go out to who asks, where the account wants any.
    """

    enforced: bool = True
    answers: Mapping[Wish, str] = field(default_factory=dict)


USUAL = Rules()
