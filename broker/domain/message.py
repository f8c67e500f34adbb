"""The message: one recipient, one id, one status."""

from dataclasses import dataclass
from datetime import datetime
from enum import IntFlag, StrEnum

from broker.domain.status import Status
from broker.domain.value import value


class Direction(StrEnum):
    """Which way a message travels, seen from us."""

    OUT = "out"
    IN = "in"


class Priority(StrEnum):
    """How urgent a customer says a message is."""

    HIGH = "high"
    NORMAL = "normal"
    BULK = "bulk"


class PartState(StrEnum):
    """Where a part's bytes are: still elsewhere, with us, not to be had, or removed in their time."""

    PENDING = "pending"
    STORED = "stored"
    LOST = "lost"
    REMOVED = "removed"


class PartKind(StrEnum):
    """What a part is for: something to show, the text, or the layout of the others."""

    MEDIA = "media"
    TEXT = "text"
    LAYOUT = "layout"


class Reports(IntFlag):
    """What a customer asked to be told of a message; what did not ask is told as the account has it."""

    INTERMEDIATE = 1
    SUCCESS = 2
    FAILURE = 4
    READ = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Tag:
    """A name and a value that travel with a message in our own records only."""

    name: str
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One piece of a multimedia message. `index` counts from 1, `size` is in bytes, `path` is absolute."""

    index: int
    content_type: str = ""
    name: str = ""
    kind: PartKind = PartKind.MEDIA
    state: PartState = PartState.PENDING
    size: int = 0
    sha256: str = ""
    path: str | None = None
    url: str | None = None
    error: str = ""


@value
class Message:
    """One communication with one recipient.

    `batch` names the request it came with when that had several recipients; `group` says the batch is one submission
    to all of them, and then `members` lists every message of it, itself included, in the order of the recipients.
    `reference` is the customer's own id for it. `number` is the public number of its request, shared by the messages
    of a batch, where the dialect gives one; `note` and `subaccount` are for the customer's own books, `reports` is the
    sum of the `Reports` that were asked for. `prepaid` says that its price was reserved from the account's credit,
    `pinned` that its customer named its connection, so that it goes by no other. `trace` is the
    `traceparent` of its request, where that is traced.
    Times are aware UTC.
    """

    id: str
    account: str
    dialect: str = "native"
    direction: Direction = Direction.OUT
    status: Status = Status.ACCEPTED
    originator: str
    recipient: str
    text: str = ""
    subject: str = ""
    priority: Priority = Priority.NORMAL
    reference: str | None = None
    tags: tuple[Tag, ...] = ()
    parts: tuple[Part, ...] = ()
    batch: str | None = None
    group: bool = False
    members: tuple[str, ...] = ()
    connection: str | None = None
    callback_url: str | None = None
    prepaid: bool = False
    created_at: datetime
    valid_until: datetime
    send_at: datetime | None = None
    provider_ref: str | None = None
    attempts: int = 0
    possible_duplicate: bool = False
    pinned: bool = False
    number: int | None = None
    note: str = ""
    subaccount: str = ""
    reports: int = 0
    trace: str = ""

    @property
    def is_mms(self) -> bool:
        """Say whether it needs the multimedia service."""
        return bool(self.parts or self.subject or self.group)


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """The carrier's "I have it", with its own reference where it gave one."""

    provider_ref: str | None
    http_status: int = 0
