"""The native answers as pydantic models: what the OpenAPI document promises, and what tests hold the answers to."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema

from broker.domain.message import Direction, PartState, Priority
from broker.domain.status import Status

Stamp = Annotated[str, WithJsonSchema({"type": "string", "format": "date-time"})]
MessageId = Annotated[str, WithJsonSchema({"type": "string", "format": "uuid"})]


class Answer(BaseModel):
    """What every answer has in common: nothing stands in it that is not promised."""

    model_config = ConfigDict(extra="forbid")


class Accepted(Answer):
    """One message is ours."""

    id: MessageId
    status: Literal["accepted"]
    to: str = Field(description="The recipient in E.164.")
    durability: str = Field(description="What the answer stands for: `replica`, `fsync`, `aof` or `memory`.")


class BatchMember(Answer):
    """One message of a batch."""

    id: MessageId
    to: str
    status: Literal["accepted"]


class BatchAccepted(Answer):
    """Several messages are ours, in the order of their recipients."""

    batch: MessageId | None
    messages: list[BatchMember]
    durability: str


class TagView(Answer):
    """A note. An inbound message's `attachment`, `attachment2`, … hold the paths of its files."""

    name: str
    value: str


class PartView(Answer):
    """One part of a multimedia message."""

    id: str | None = Field(
        description="What names it in the media of another send; null unless it is stored."
    )
    index: int = Field(ge=1)
    content_type: str
    size: int = Field(ge=0)
    sha256: str
    state: PartState
    path: str | None = Field(description="Where it is stored on the broker's machine; absolute.")


class AttemptView(Answer):
    """One submission to a carrier."""

    number: int = Field(ge=1)
    connection: str = Field(description="The connection it went by.")
    started_at: Stamp
    ended_at: Stamp | None
    outcome: str
    http_status: int | None
    error: str


class EventView(Answer):
    """One thing that happened; `status` is null where it changed nothing."""

    seq: int = Field(ge=1)
    at: Stamp
    type: str
    status: Status | None
    detail: str


class MessageSummary(Answer):
    """A message."""

    id: MessageId
    direction: Direction
    status: Status
    from_: str = Field(alias="from")
    to: str
    text: str
    subject: str
    reference: str | None
    number: str | None = Field(
        description="The id that the MX Telecom API gave the whole request, or has for a message that arrived."
    )
    note: str
    subaccount: str
    batch: MessageId | None
    priority: Priority
    connection: str | None
    provider_ref: str | None
    possible_duplicate: bool = Field(
        description="It was sent again though a carrier may have had it already."
    )
    created_at: Stamp
    send_at: Stamp | None
    valid_until: Stamp
    parts: list[PartView]
    tags: list[TagView]


class MessageView(MessageSummary):
    """A message with its history."""

    updated_at: Stamp
    attempts: list[AttemptView]
    events: list[EventView]


class MessagePage(Answer):
    """Messages, newest first."""

    data: list[MessageSummary]
    next_cursor: str | None = Field(description="Where the next page begins; null at the end.")


class BillView(Answer):
    """What is billed for one message."""

    request_id: str = Field(description="What the sender was answered: of a batch the same for all.")
    message_id: MessageId
    account: str
    subaccount: str
    note: str
    from_: str = Field(alias="from", description="Digits.")
    to: str = Field(description="Digits.")
    kind: Literal["sms", "mms"]
    accepted_at: Stamp
    final_at: Stamp | None
    status: int | None = Field(
        description="1 buffered, 2 indeterminate, 3 delivered, 4 expired, 5 rejected, 6 forwarded; null: none yet."
    )
    outcome: Status
    bytes: int
    parts: int
    units: int = Field(description="Credits charged; 0 where they were given back.")
    provider_message_id: str | None


class BillPage(Answer):
    """Bills, oldest first."""

    data: list[BillView]
    next_cursor: str | None = Field(description="Where the next page begins; null at the end.")


class OptOutView(Answer):
    """A recipient who wants nothing more of one of the account's senders, and how we know."""

    id: str
    account: str
    sender: str
    recipient: str = Field(description="In E.164, or a keyed name of a number that was erased.")
    at: Stamp
    who: str = Field(description="`recipient`, `carrier`, or the operator who did it by hand.")
    reason: str
    message_id: MessageId | None = Field(description="The message that is the proof.")
    text: str = Field(description="What it said.")


class OptOutPage(Answer):
    """Opt-outs, oldest first."""

    data: list[OptOutView]
    next_cursor: str | None = Field(description="Where the next page begins; null at the end.")


class MediaStored(Answer):
    """A file is ours; messages may name it."""

    id: str
    content_type: str
    size: int
    sha256: str


class FieldError(Answer):
    """What is wrong with one field."""

    pointer: str = Field(description="Where it is (RFC 6901).")
    code: str
    message: str


class Problem(Answer):
    """What went wrong (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    errors: list[FieldError]
