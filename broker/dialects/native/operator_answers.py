"""What operators are answered, as pydantic models: for the OpenAPI document, and for tests to hold answers to."""

from typing import Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from broker.dialects.native.answers import Answer, MessageId, OptOutView, Stamp, TagView
from broker.domain.callback import CallbackState
from broker.domain.deed import Door
from broker.domain.logbook import Kind, Level, Way
from broker.domain.message import Direction
from broker.domain.shift import Shift
from broker.domain.status import Status
from broker.domain.usage import CircuitState

Row = TypeVar("Row")


class Page(Answer, Generic[Row]):
    """One page of a list."""

    data: list[Row]
    next_cursor: str | None = Field(description="Where the next page begins; null at the end.")


class LogEntryView(Answer):
    """One thing that was said over a connection, without secrets and content."""

    id: str
    at: Stamp
    connection: str
    level: Level
    direction: Way
    kind: Kind
    message_id: MessageId | None
    text: str
    headers: dict[str, str]
    body: str
    tags: list[TagView]


class ConnectionView(Answer):
    """How a connection stands."""

    name: str
    provider: str
    state: Literal["open", "paused", "on_hold", "draining", "drained", "held"]
    since: Stamp | None
    until: Stamp | None = Field(description="When a person's stop ends by itself, if it does.")
    reason: str
    mps: float | None
    sender_mps: float | None
    mps_unit: str
    waiting: int = Field(description="How many wait in its lanes.")
    circuit: CircuitState = Field(description="Open: it is left alone for a while, since its carrier failed.")
    failures: int = Field(description="Failures in a row that the circuit counts.")


class Tried(Answer):
    """A message that tries a connection."""

    id: MessageId
    status: Literal["accepted"]


class ConnectionList(Answer):
    """All connections."""

    data: list[ConnectionView]


class WorkerView(Answer):
    """How a worker stands."""

    name: str
    host: str
    pid: int
    queues: list[str] = Field(description="The queues it hears, unless it drains.")
    state: Shift = Field(
        description="Draining: it takes no new work and finishes what it has; then it is drained. Resuming: it has "
        "not heard yet that it may take work again. Silent: it has said nothing for 15 s."
    )
    since: Stamp | None = Field(description="Since when it is to take no work.")
    reason: str
    silent_s: float = Field(description="For so long it has said nothing.")
    threads: int
    busy: int = Field(description="How many threads work on rings.")
    done: int
    failed: int
    memory: int = Field(description="In bytes.")
    version: str
    started_at: Stamp


class WorkerList(Answer):
    """All workers, those too that fell silent within the last hour."""

    data: list[WorkerView]


class CountersView(Answer):
    """What a connection has carried."""

    connection: str
    since: Stamp | None
    counters: dict[str, int]
    folders: dict[str, int]


class UntoldView(Answer):
    """A callback that was given up, or is held."""

    id: str
    message_id: MessageId
    account: str
    status: str
    state: CallbackState
    at: Stamp
    url: str
    http_status: int | None
    error: str


class Leaving(Answer):
    """How many were asked for, and by when the last has had its turn."""

    count: int
    until: Stamp


class LedgerLineView(Answer):
    """Where the messages of an account and an hour are."""

    account: str
    hour: Stamp
    accepted: int
    waiting: int
    in_flight: int
    final: int
    parked: int
    difference: int = Field(description="Accepted less all the others.")
    checked_at: Stamp


class LedgerView(Answer):
    """The ledger, newest hour first."""

    difference: int = Field(description="0: it balances.")
    data: list[LedgerLineView]


class ErasureView(Answer):
    """The erasure of a number, which is named by a pseudonym."""

    id: str
    subject: str
    at: Stamp
    who: str
    reason: str
    step: str
    waiting: int = Field(description="Messages of the number that are not at their end yet.")
    erased: dict[str, int]
    ended_at: Stamp | None


class ErasureList(Answer):
    """The newest erasures."""

    data: list[ErasureView]


class ParkedView(Answer):
    """News of a carrier that fits nothing yet, without content."""

    id: str
    kind: Literal["report", "arrival"]
    connection: str
    at: Stamp
    event: str | None
    message_id: str | None
    provider_ref: str | None
    from_: str | None = Field(alias="from", description="Masked.")
    to: str | None = Field(description="Masked.")
    reason: str
    looked_at_again: bool


class ParkedPage(Page[ParkedView]):
    """Parked news, oldest first."""


class Reread(BaseModel):
    """How many webhooks of a page were read again, and what came of them by its name."""

    model_config = ConfigDict(extra="allow")

    next_cursor: str | None = Field(description="Where the next page begins; null at the end.")


class OptOutChangeView(OptOutView):
    """A change of an opt-out."""

    wish: str = Field(description="`stop` or `start`.")


class Changed(Answer):
    """Whether a request changed anything."""

    changed: bool


class DeedView(Answer):
    """What somebody did or looked at; numbers are masked."""

    id: str
    at: Stamp
    operator: str
    door: Door
    action: str
    subject: str
    reason: str
    details: dict[str, str]
    refused: str = Field(description="Why it was not done; empty: it was.")


class StoredFile(Answer):
    """A stored part; by its `id` its account can send it on."""

    id: str
    index: int
    content_type: str
    name: str
    size: int
    sha256: str
    path: str | None


class FilesView(Answer):
    """A message and its stored files."""

    message_id: MessageId
    account: str
    direction: Direction
    status: Status
    from_: str = Field(alias="from", description="Masked.")
    to: str = Field(description="Masked.")
    created_at: Stamp
    files: list[StoredFile]


class SettingView(Answer):
    """A setting of the ingress that answers; a secret is only said to be set."""

    name: str
    variable: str
    value: str
    origin: Literal["default", "environment", "given at start", "worked out"]
    description: str


class SettingList(Answer):
    """All settings, those that are not as they come first."""

    data: list[SettingView]
    versions: dict[str, str]


class AuditPage(Page[DeedView]):
    """The audit, newest first."""


class FilesPage(Page[FilesView]):
    """Messages with stored files, newest first."""


class LogPage(Page[LogEntryView]):
    """The event log of a connection."""


class UntoldPage(Page[UntoldView]):
    """Callbacks that customers were not told."""


class OptOutChangePage(Page[OptOutChangeView]):
    """Changes of opt-outs, oldest first."""
