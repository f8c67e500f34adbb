"""The native send request as pydantic models."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag

from broker.dialects.native.values import (
    Address,
    Identifier,
    Line,
    Reference,
    TagName,
    TagValue,
    Text,
    Time,
    Url,
)

MEDIA_LIMIT = 10
"""Most parts of one message."""
GROUP_LIMIT = 10
"""Most recipients of a group message."""
TAGS_LIMIT = 20
FIELDS_LIMIT = 32
"""Most fields of one object; more than there are, so that unknown ones can be named."""
ONE, MANY, BY_URL, BY_ID = "one", "many", "by_url", "by_id"


def _one_or_many(value: Any) -> str | None:
    return ONE if isinstance(value, str) else MANY if isinstance(value, list) else None


def _url_or_id(value: Any) -> str | None:
    if isinstance(value, MediaByUrl | MediaById):
        return BY_URL if isinstance(value, MediaByUrl) else BY_ID
    if not isinstance(value, dict):
        return None
    return BY_ID if "id" in value and "url" not in value else BY_URL


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class MediaByUrl(_Strict):
    """A file that we fetch when the message is due."""

    url: Url = Field(description="Where the file is; http or https.")


class MediaById(_Strict):
    """A file that was uploaded before, or a stored part of an earlier message."""

    id: Identifier = Field(description="What `POST /v1/media` answered, or the `id` of a part.")


Recipients = Annotated[
    Annotated[Address, Tag(ONE)] | Annotated[list[Address], Field(min_length=1), Tag(MANY)],
    Discriminator(_one_or_many),
]
MediaItem = Annotated[
    Annotated[MediaByUrl, Tag(BY_URL)] | Annotated[MediaById, Tag(BY_ID)], Discriminator(_url_or_id)
]


def _as_sent(schema: dict[str, Any]) -> None:
    """Leave out the defaults that only stand for "absent" here, and say that there must be something to send."""
    schema["anyOf"] = [
        {"required": ["text"], "properties": {"text": {"pattern": "\\S"}}},
        {"required": ["media"], "properties": {"media": {"minItems": 1}}},
    ]
    for field in schema["properties"].values():
        if field.get("default") == "":
            del field["default"]


class SendMessage(_Strict):
    """A message to send. Text or media must be there."""

    model_config = ConfigDict(json_schema_extra=_as_sent)

    to: Recipients = Field(
        description="One number, or a list of them (1000, unless set otherwise); a list is answered with a batch."
    )
    from_: Address = Field("", alias="from", description="A sender of the account; absent: its first one.")
    text: Text = Field("", description="The text.")
    subject: Line = Field("", description="Makes it a multimedia message.")
    media: list[MediaItem] = Field([], max_length=MEDIA_LIMIT, description="Files to send along.")
    group: bool = Field(
        False, description="One conversation with all recipients instead of one message each."
    )
    priority: Literal["normal", "high", "bulk"] = Field(
        "normal", description="What goes first when there is a queue."
    )
    send_at: Time = Field("", description="Not before this time.")
    valid_until: Time = Field("", description="Not after this time; absent: 24 hours.")
    reference: Reference = Field("", description="Your own id; kept and returned.")
    tags: dict[TagName, TagValue] = Field(
        {}, max_length=TAGS_LIMIT, description="Your own notes; kept and returned."
    )
    callback_url: Url = Field(
        "", description="Where to tell what becomes of it, instead of the account's address."
    )
