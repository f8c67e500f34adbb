"""What operators are answered about dead letters, as pydantic models."""

from pydantic import Field

from broker.dialects.native.answers import Answer, Stamp
from broker.dialects.native.operator_answers import Leaving, Page
from broker.domain.dead import Kind, Standing


class LetterView(Answer):
    """Work that was set aside, without its content."""

    id: str
    kind: Kind
    subject: str = Field(description="The id of a message or callback, or the digest of a webhook.")
    account: str | None
    connection: str | None
    at: Stamp
    tries: int
    error: str
    where: list[str]
    remedy: str = Field(description="What to try, in a sentence.")
    standing: Standing
    settled_at: Stamp | None
    settled_by: str | None
    reason: str


class LettersLeaving(Leaving):
    """How many letters were asked for, by when the last leaves, and the job that they are."""

    job: str | None


class OutlookView(Answer):
    """What would come of letters if they were put back."""

    count: int
    looked_at: int = Field(description="Of very many not all are looked at.")
    lost: int = Field(description="Their content is gone.")
    expired: int
    opted_out: int
    done: int = Field(description="Nothing is left to do: sent, ended, read or told already.")
    left: int = Field(description="Would be tried again.")


class JobView(Answer):
    """Letters that somebody wanted put back or discarded together."""

    id: str
    wanted: Standing
    by: str
    reason: str
    at: Stamp
    count: int
    leaving: int
    gone: int
    parked: int = Field(description="Here again: they broke on their way, or were stopped.")
    until: Stamp | None = Field(description="When the last of them leaves, if any is to.")


class JobList(Answer):
    """What is not done yet."""

    data: list[JobView]


class LetterPage(Page[LetterView]):
    """Dead letters."""
