"""What people who run the broker do, as the audit keeps it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from broker.domain.address import mask, mask_within
from broker.domain.ids import is_id

LONGEST = 400
"""Most characters of a value that is kept."""
_TYPED = re.compile(r"[+(][0-9][0-9 ().\-]{6,20}[0-9]")
"""A number as people type it; what begins with a digit may be a date."""
_NO_DIGIT = re.compile(r"[^0-9]")


class Door(StrEnum):
    """Where somebody did it: at a page, over the API, at the machine itself; or nobody, when its time had come."""

    CONSOLE = "console"
    API = "api"
    COMMAND = "command"
    CLOCK = "clock"


@dataclass(frozen=True, slots=True, kw_only=True)
class Deed:
    """Something that somebody does: changes a thing, or looks at what is hidden.

    `subject` is what it is done to; `details` are the rest of what was asked for. `refused` says why it was not done.
    """

    operator: str
    door: Door
    action: str
    subject: str = ""
    reason: str = ""
    details: Mapping[str, str] = field(default_factory=dict)
    refused: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Noted(Deed):
    """A deed on record."""

    id: int
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class DeedQuery:
    """Which deeds are wanted, the newest first: those before the one with the number `before`.

    `kinds` are first words of actions: none means any.
    """

    operator: str = ""
    action: str = ""
    subject: str = ""
    kinds: tuple[str, ...] = ()
    before: int | None = None
    limit: int = 50


def kept(text: str) -> str:
    """Return a text as the audit may keep it: ids whole, numbers masked, no longer than it should be."""
    plain = _TYPED.sub(lambda found: mask("+" + _NO_DIGIT.sub("", found[0])), text[:LONGEST])
    words = plain.split(" ")
    return " ".join(word if is_id(word) else mask_within(word) for word in words)
