"""What carriers tell us, in our words."""

from dataclasses import dataclass
from datetime import datetime

from broker.domain.status import Event


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """News of a message that we submitted.

    `message_id` is our id as the carrier echoed it: a message's, or for a group the batch's, and then `recipient`
    says whose news it is. `key` is equal for repeats of the same news. `code` is the carrier's own. `opted_out` says
    that the carrier refuses because the recipient wants nothing of this sender.
    """

    event: Event
    at: datetime
    key: str
    message_id: str | None = None
    attempt: int | None = None
    provider_ref: str | None = None
    recipient: str | None = None
    code: str = ""
    detail: str = ""
    opted_out: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Inbound:
    """A message that arrived for one of our numbers. `media` are the carrier's links; `others` its other recipients."""

    provider_ref: str
    originator: str
    recipient: str
    at: datetime
    key: str
    text: str = ""
    media: tuple[str, ...] = ()
    others: tuple[str, ...] = ()
    segments: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Unread:
    """Something a carrier said that we do not know: kept in the journal, counted, and nothing else."""

    kind: str


News = Report | Inbound | Unread
