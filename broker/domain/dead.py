"""Dead letters: work that was set aside because it broke every take, and what people did about it."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

TRIES = 3
"""How often something may break its take before it is set aside."""

DIED = "worker died"
"""The trace of work whose worker ended without a word."""

SET_ASIDE = f"set aside after {TRIES} tries"
"""What customers are told: the reason is for people who run the broker."""

LOST = "content lost"
"""The trace of work whose content is gone: it can be named, and not be put back."""


class Kind(StrEnum):
    """What was set aside: a message, a carrier's webhook, the media of a message, or what a customer is owed."""

    MESSAGE = "message"
    WEBHOOK = "webhook"
    MEDIA = "media"
    CALLBACK = "callback"


class Standing(StrEnum):
    """Where a dead letter stands: a `leaving` one is on its way to where people want it."""

    PARKED = "parked"
    LEAVING = "leaving"
    PUT_BACK = "put_back"
    DISCARDED = "discarded"


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """What broke: the error's types, and the lines of ours it came through. No text of an error: it quotes content."""

    error: str
    where: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """One piece of work that was set aside, without its content.

    `subject` is a message's id, a webhook's digest or a callback's id. `settled_by` is who wanted it put back or
    discarded, `reason` is why.
    """

    id: str
    kind: Kind
    subject: str
    account: str | None
    connection: str | None
    at: datetime
    tries: int
    error: str
    where: tuple[str, ...] = ()
    standing: Standing = Standing.PARKED
    settled_at: datetime | None = None
    settled_by: str | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Parked letters that the same thing broke: how many, and when the first and the last were set aside."""

    kind: Kind
    error: str
    connection: str | None
    number: int
    first: datetime
    last: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """Letters that an operator wanted put back or discarded together, so many a second.

    Of their `number` some are still `leaving`, some have `gone`, and some are `parked` again, because they broke on
    their way or were stopped. `until_ms` is when the last of them leaves (Redis's clock), if any is to.
    """

    id: str
    wanted: Standing
    by: str
    reason: str
    at: datetime
    number: int
    leaving: int
    gone: int
    parked: int
    until_ms: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """What would come of letters if they were put back: of those that were `looked_at`, not all of very many.

    `lost` cannot be put back; `expired` and `opted_out` are not sent, and end; `done` are those of which nothing is
    left to do: a message that went or ended, a webhook that was read, a callback that was told.
    """

    number: int = 0
    looked_at: int = 0
    lost: int = 0
    expired: int = 0
    opted_out: int = 0
    done: int = 0

    @property
    def left(self) -> int:
        """How many would be tried again."""
        return self.looked_at - self.lost - self.expired - self.opted_out - self.done


@dataclass(frozen=True, slots=True, kw_only=True)
class Letters:
    """Which dead letters are meant; what is absent leaves nothing out. An empty `connection` means those of none."""

    standing: Standing = Standing.PARKED
    kind: Kind | None = None
    account: str | None = None
    connection: str | None = None
    error: str | None = None
    id: str | None = None
    since: datetime | None = None
    until: datetime | None = None
