"""Why a message ends badly or waits: what it means, whether trying again helps, and what to do."""

from dataclasses import dataclass
from enum import StrEnum


class Again(StrEnum):
    """Whether the same thing, tried again, may work."""

    BY_ITSELF = "tried again by itself"
    LATER = "may work later"
    NEVER = "permanent"
    PERSON = "once somebody has mended it"
    UNCERTAIN = "outcome unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """One reason, by its code. `text` is what the record says: all of it, or its beginning where it ends in a star.

    `billed` says whether such a failure costs as much as a success; None: not known.
    """

    code: str
    means: str
    again: Again
    do: str
    text: str = ""
    billed: bool | None = None

    def fits(self, detail: str) -> bool:
        """Say whether a line of the record is about it."""
        if self.text.endswith("*"):
            return detail.startswith(self.text[:-1])
        return bool(self.text) and detail == self.text
