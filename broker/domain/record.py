"""What is known of one message: the record that a look-up shows, with the question that finds it."""

from dataclasses import dataclass
from datetime import datetime

from broker.domain.message import Direction, Message
from broker.domain.search import TagWish
from broker.domain.status import Status


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One submission: `outcome` is empty while it runs, `error` is the carrier's reason without content or secrets."""

    number: int
    connection: str
    started_at: datetime
    ended_at: datetime | None = None
    outcome: str = ""
    http_status: int | None = None
    error: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Happening:
    """One event of a message. `status` is what it made of the message, None where it had nothing to do."""

    at: datetime
    type: str
    status: str | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """A message with its history. Attempts and events are in the order they happened.

    `deleted_at` is when its customer put it away.
    """

    message: Message
    updated_at: datetime
    deleted_at: datetime | None = None
    attempts: tuple[Attempt, ...] = ()
    events: tuple[Happening, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageQuery:
    """Which messages of an account to list, newest first. `cursor` is the id that the last page ended with.

    A page of those with a `tag` may be short, or empty, though more come after it: no page looks at all there are.
    """

    direction: Direction | None = None
    status: Status | None = None
    to: str | None = None
    from_: str | None = None
    reference: str | None = None
    number: int | None = None
    tag: TagWish | None = None
    cursor: str | None = None
    limit: int = 50
