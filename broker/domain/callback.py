"""One thing that a customer is told."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from broker.domain.message import Message
from broker.domain.status import ENDS, Status


class CallbackState(StrEnum):
    """Where a callback stands. A held one waits until its endpoint, which said 410, is used again."""

    OWED = "owed"
    HELD = "held"
    TOLD = "told"
    GIVEN_UP = "given_up"


NEWS = frozenset(
    {Status.SUBMITTED, Status.RELAYED, *ENDS, Status.FETCHING, Status.READY, Status.INCOMPLETE}
    - {Status.FORWARDED, Status.UNFORWARDED}
)
"""What customers want to hear of, as a rule: a carrier has it, every end, and arrivals."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Telling:
    """How the callbacks of one dialect are told, and told again; what is absent is as the settings have it.

    `news` is what there are words for. An answer may take `timeout_s`, and `connect_s` of that may pass until there is
    a connection; one that takes over `slow_s` is warned of. `waits_s` are the waits after the first tries; later ones
    double. There are at most so many `attempts`. `holds_gone` keeps what is for a URL that said 410 until it is used
    again; else that is a failure like others. `brings_files`: what is posted has the files of an MMS in it.
    """

    news: frozenset[Status] = NEWS
    timeout_s: float | None = None
    connect_s: float | None = None
    slow_s: float | None = None
    waits_s: tuple[float, ...] = ()
    attempts: int | None = None
    holds_gone: bool = True
    brings_files: bool = False


class InboundMode(StrEnum):
    """How an arrival is told: in the URL, or in a body, which to MX Telecom's customers brings an MMS along."""

    GET = "get"
    POST = "post"


class DateForm(StrEnum):
    """How MX Telecom's dates are written: `uk` as London's clocks show, `us` and `uk2` in UTC with an offset."""

    UK = "uk"
    US = "us"
    UK2 = "uk2"


@dataclass(frozen=True, slots=True, kw_only=True)
class Manner:
    """What an account may choose of how it is told, where its dialect has a use for it.

    `replies`: messages in the answers to Ozeki's callbacks are sent. Times without a zone are those of `timezone`.
    """

    inbound: InboundMode = InboundMode.GET
    dates: DateForm = DateForm.US
    replies: bool = False
    timezone: str = "UTC"


@dataclass(frozen=True, slots=True, kw_only=True)
class Callback:
    """News of a message for its account, with all that a dialect needs to put it into words.

    `id` stays the same over retries, one for each message and status. `status` is what the message had become by
    `at`; `sequence` counts a message's callbacks from 1, and is a hint: they may overtake one another. `links` lead
    to the stored parts by their index, `files` hold their bytes where the dialect wants them. `earlier` is what its
    customer was told of the message before. Every active secret of `secrets` signs. Times are aware UTC.
    """

    id: str
    message: Message
    status: Status
    sequence: int
    at: datetime
    sent_at: datetime
    url: str
    detail: str = ""
    links: Mapping[int, str] = field(default_factory=dict)
    files: Mapping[int, bytes] = field(default_factory=dict, repr=False)
    earlier: frozenset[Status] = frozenset()
    manner: Manner = field(default_factory=Manner)
    secrets: tuple[str, ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Untold:
    """Which callbacks are meant that were given up or are held; what is absent leaves nothing out."""

    states: tuple[CallbackState, ...] = (CallbackState.GIVEN_UP, CallbackState.HELD)
    account: str | None = None
    endpoint: str | None = None
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class UntoldCallback:
    """One callback that was not told, and why."""

    id: str
    message_id: str
    account: str
    status: str
    state: CallbackState
    at: datetime
    url: str
    http_status: int | None
    error: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One callback of a message, however it stands: its tries so far, and when the next is due, if one is."""

    callback: UntoldCallback
    tries: int
    due_at: datetime | None = None
