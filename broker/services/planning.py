"""Say what would become of a draft, without sending it."""

import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from broker.domain.account import Connection
from broker.domain.draft import Draft
from broker.domain.message import Message
from broker.domain.text import SINGLE, Segmentation, outside, segments, straighten
from broker.services.accept import Accept
from broker.services.on_behalf import OnBehalf
from broker.services.send_on import DIALECT

MOST_NAMED = 5
"""So many of the characters that make a text longer are named."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Character:
    """A character that GSM-7 has not; `instead` is what stands for it there, where anything does."""

    text: str
    name: str
    instead: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Length:
    """How a text is cut up as an SMS, what fits into one segment, and the characters that make it worse."""

    cut: Segmentation
    fits: int
    outside: Sequence[Character]
    others: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What would be sent, and over which connection, as far as that is known now."""

    messages: Sequence[Message]
    length: Length
    connection: Connection | None
    files: int


class Planning:
    """Looks at drafts of operators as the door would; `chosen` says who would carry a message."""

    def __init__(
        self, accept: Accept, on_behalf: OnBehalf, chosen: Callable[[Message], Connection | None]
    ) -> None:
        self._accept = accept
        self._on_behalf = on_behalf
        self._chosen = chosen

    async def plan(self, account: str, draft: Draft) -> Plan:
        """Return what would become of a draft; raises what sending it would, as far as that can be told."""
        known = await self._on_behalf.account(account)
        messages = await self._accept.preview(draft, known, datetime.now(UTC), dialect=DIALECT)
        return Plan(
            messages=messages,
            length=length(draft.text),
            connection=self._chosen(messages[0]),
            files=len(draft.media),
        )


def length(text: str) -> Length:
    """Return how long a text is as an SMS."""
    cut, found = segments(text), outside(text)
    named = [
        Character(
            text=one,
            name=unicodedata.name(one, f"U+{ord(one):04X}").lower(),
            instead="" if straighten(one) == one else straighten(one),
        )
        for one in found[:MOST_NAMED]
    ]
    return Length(cut=cut, fits=SINGLE[cut.alphabet], outside=named, others=len(found) - len(named))
