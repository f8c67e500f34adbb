"""Messages that arrive from phones, on request."""

import base64
import re
from urllib.parse import quote

from pydantic import BaseModel, ConfigDict, Field, model_validator

from broker.simulator import events
from broker.simulator.events import Payload
from broker.simulator.shelf import Item, Shelf

_UNSAFE = re.compile(r"[\x00-\x1f/\\?#]")
_FILLER = b"0123456789abcdef"


class InboundPart(BaseModel):
    """One part: bytes as `data` (base64), `text` or `size` bytes of filler; or a foreign `url`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = ""
    content_type: str = "application/octet-stream"
    data: str | None = None
    text: str | None = None
    size: int | None = Field(default=None, ge=0, le=64 * 1024 * 1024)
    url: str | None = None

    def content(self) -> bytes:
        """Return the part's bytes."""
        if self.data is not None:
            return base64.b64decode(self.data, validate=True)
        if self.text is not None:
            return self.text.encode()
        return (_FILLER * ((self.size or 0) // len(_FILLER) + 1))[: self.size or 0]


class InboundMessage(BaseModel):
    """What a phone sent. Each of `owners`, our numbers among `to`, gets an event; by default the first."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    sender: str = Field(alias="from")
    to: list[str] = Field(min_length=1)
    owners: list[str] = []
    text: str = ""
    media: list[InboundPart] = []
    id: str | None = None
    count: int = Field(default=1, ge=1, le=100_000, description="How many such messages arrive.")

    @model_validator(mode="before")
    @classmethod
    def _one_recipient(cls, value: object) -> object:
        if isinstance(value, dict) and isinstance(value.get("to"), str):
            return value | {"to": [value["to"]]}
        return value


def arrive(
    message: InboundMessage, shelf: Shelf, *, media_url: str, application_id: str
) -> tuple[list[Payload], list[str]]:
    """Put the parts on the shelf, and return the events with the links to the parts.

    Raises:
        ValueError: a part's `data` is not base64.
    """
    contents = [(part, b"" if part.url else part.content()) for part in message.media]
    found: list[Payload] = []
    links: list[str] = []
    for owner in message.owners or message.to[:1]:
        ident = message.id or events.carrier_id()
        own: list[str] = []
        for index, (part, data) in enumerate(contents):
            name = f"{ident}/{index}/{_UNSAFE.sub('_', part.name) or index}"
            if not part.url:
                shelf.keep(name, Item(content_type=part.content_type, data=data))
            own.append(part.url or media_url + quote(name))
        links += own
        found.append(
            events.received(
                sender=message.sender,
                to=message.to,
                owner=owner,
                application_id=application_id,
                text=message.text,
                media=own,
                ident=ident,
            )
        )
    return found, links
