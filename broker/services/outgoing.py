"""Make a message ready for its carrier: laid out, and its parts as bytes to upload or signed links to fetch."""

import asyncio
import time
from collections.abc import Sequence
from pathlib import Path

from broker.domain import links
from broker.domain.content_type import SMIL
from broker.domain.layout import build
from broker.domain.message import Message, Part, PartKind
from broker.errors import MediaError, Rejected
from broker.providers.base import Outgoing, Provider
from broker.services.fit import Picture, fit
from broker.services.smil import arrange
from broker.settings import Settings


async def laid_out(provider: Provider, message: Message) -> Message:
    """Return the message as it goes out: without a layout, where the carrier wants none, but in its order.

    The record keeps the message as it came.
    """
    if provider.layouts or all(part.kind is not PartKind.LAYOUT for part in message.parts):
        return message
    room = provider.limits.text - (
        len(message.subject) + 1 if message.subject else 0
    )  # it may share the text
    return await asyncio.to_thread(arrange, message, _bytes, room=room)


async def outgoing(settings: Settings, provider: Provider, message: Message) -> tuple[Outgoing, ...]:
    """Return the parts of a message that is laid out.

    Raises:
        Rejected: a part's file is gone.
    """
    if provider.media_mode == "link":
        parts = tuple(_linked(settings, part) for part in message.parts)
    else:
        most = provider.limits.message_bytes(message.originator)
        parts = await asyncio.to_thread(_read, message.parts, most)
    if provider.layouts and all(part.kind is not PartKind.LAYOUT for part in message.parts):
        data = build(message.parts)
        return (Outgoing(name="layout.smil", content_type=SMIL, size=len(data), data=data), *parts)
    return parts


def media_base(settings: Settings) -> str:
    """Return how carriers reach our media links."""
    return f"{settings.reached_at}/media"


def link_to(settings: Settings, part: Part) -> str:
    """Return a signed link to a stored part, which expires."""
    token = links.sign(
        part.path or "",
        folders=(settings.attachments, settings.uploads),
        content_type=part.content_type,
        secret_key=settings.secret_key.get_secret_value(),
        expires_at=int(time.time()) + settings.media_link_s,
    )
    return f"{media_base(settings)}/{token}/{part.name}"


def _linked(settings: Settings, part: Part) -> Outgoing:
    url = link_to(settings, part)
    return Outgoing(name=part.name, content_type=part.content_type, size=part.size, url=url)


def _read(parts: Sequence[Part], most: int) -> tuple[Outgoing, ...]:
    try:
        found = tuple(
            Outgoing(
                name=part.name,
                content_type=part.content_type,
                size=part.size,
                data=_bytes(part),
            )
            for part in parts
        )
    except OSError as error:
        raise Rejected("a part's file is gone", code="media") from error
    return found if sum(part.size for part in found) <= most else _fitted(found, most)


def _fitted(parts: Sequence[Outgoing], most: int) -> tuple[Outgoing, ...]:
    """Return parts that were prepared for a connection that takes more, as this one takes them."""
    pictures = [
        Picture(data=part.data or b"", content_type=part.content_type, name=part.name) for part in parts
    ]
    try:
        ready = fit(pictures, most)
    except MediaError as error:
        raise Rejected(str(error), code="limit") from error
    return tuple(
        Outgoing(name=one.name, content_type=one.content_type, size=len(one.data), data=one.data)
        for one in ready
    )


def _bytes(part: Part) -> bytes:
    return Path(part.path or "").read_bytes()
