"""The native callbacks as pydantic models: what the OpenAPI document promises, and what tests hold them to."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from broker.dialects.native.answers import MessageId, Stamp
from broker.domain.message import PartState


class _Told(BaseModel):
    model_config = ConfigDict(extra="forbid")


class ReportData(_Told):
    """What became of a message that was sent."""

    id: MessageId
    direction: Literal["out"]
    status: str
    sequence: int = Field(
        ge=1, description="Counts the callbacks of the message; they may overtake one another."
    )
    from_: str = Field(alias="from")
    to: str
    reference: str | None
    batch: MessageId | None
    detail: str
    possible_duplicate: bool


class ToldPart(_Told):
    """One part of a message that arrived; `id` names it in the media of a send, `url` leads to it for a while."""

    id: str | None
    index: int = Field(ge=1)
    content_type: str
    name: str
    size: int = Field(ge=0)
    sha256: str
    state: PartState
    url: str | None


class ArrivalData(_Told):
    """A message that arrived."""

    id: MessageId
    direction: Literal["in"]
    status: str
    sequence: int = Field(ge=1)
    from_: str = Field(alias="from")
    to: str
    text: str
    received_at: Stamp
    parts: list[ToldPart]


class ReportTold(_Told):
    """A status of a message that was sent."""

    type: str = Field(pattern=r"^message\.[a-z]+$", description="`message.` with the status.")
    timestamp: Stamp
    data: ReportData


class ArrivalTold(_Told):
    """A message that arrived; `message.completed` follows where its media came after its text was told."""

    type: Literal["message.received", "message.completed"]
    timestamp: Stamp
    data: ArrivalData
