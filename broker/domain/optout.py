"""Words by which people stop messages and start them again, and what is kept of it."""

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from broker.errors import InvalidRecipient


class Wish(StrEnum):
    """What a person wants of a sender."""

    STOP = "stop"
    START = "start"
    HELP = "help"


_WORDS: Mapping[Wish, frozenset[str]] = {
    # CTIA's five, the FCC's seven (47 CFR 64.1200(a)(10)), and those that Twilio, Telnyx and AWS take in the US and
    # in Canada.
    Wish.STOP: frozenset(
        {
            "stop", "stopall", "stop all", "unsubscribe", "cancel", "end", "quit", "revoke", "optout", "opt out",
            "remove", "arret",
        }
    ),
    # Not YES: it answers many questions, and whoever has said STOP must not be taken back by mistake.
    Wish.START: frozenset({"start", "unstop"}),
    Wish.HELP: frozenset({"help", "info", "aide"}),
}  # fmt: skip
_WISHES = {word: wish for wish, words in _WORDS.items() for word in words}
_LONGEST = 64
"""Most characters of a text that is nothing but such a word, with all that may stand around it."""

ANSWER = "answer"
"""What stands for the dialect of an automatic answer: nobody asked for it through any door."""

OPTED_OUT = "opted out"
"""The reason of a refusal."""
PEER_OPTED_OUT = "opted out: another recipient of the group"


class OptedOut(InvalidRecipient):
    """The recipient wants nothing more of this sender."""

    code = "opted_out"


def wish_of(text: str) -> Wish | None:
    """Return what a text asks for that is one of these words and nothing else.

    Case, accents, blanks and punctuation do not matter; a word in a sentence is no wish.
    """
    if not 0 < len(text) <= _LONGEST:
        return None
    plain = unicodedata.normalize("NFKD", text).casefold()
    kept = (
        char if char.isalnum() else " " for char in plain if not unicodedata.category(char).startswith("M")
    )
    return _WISHES.get(" ".join("".join(kept).split()))


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """Somebody stops or starts messages of a sender to a recipient.

    `who` is "recipient", "carrier", or an operator; `message_id` and `text` are the proof, where a text asked for it.
    `at` is aware UTC; of two changes the later one holds, whatever order they come in.
    """

    wish: Wish
    account: str
    sender: str
    recipient: str
    at: datetime
    who: str
    reason: str = ""
    message_id: str | None = None
    text: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class OptOut:
    """A recipient who wants nothing more of a sender, since when, and how we know."""

    id: int
    account: str
    sender: str
    recipient: str
    at: datetime
    who: str
    reason: str
    message_id: str | None
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Journalled(OptOut):
    """A change that was made."""

    wish: Wish


@dataclass(frozen=True, slots=True, kw_only=True)
class OptOutQuery:
    """Which opt-outs are wanted: those after the one with the number `after`, oldest first unless newest first."""

    account: str | None = None
    sender: str | None = None
    recipient: str | None = None
    after: int = 0
    limit: int = 50
    newest_first: bool = False
