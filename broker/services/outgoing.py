"""Make a message's stored parts ready for its carrier: bytes to upload, or signed links to fetch."""

import asyncio
import time
from collections.abc import Sequence
from pathlib import Path

from broker.domain import links
from broker.domain.message import Message, Part, PartKind
from broker.errors import Rejected
from broker.providers.base import Outgoing, Provider
from broker.settings import Settings


async def outgoing(settings: Settings, provider: Provider, message: Message) -> tuple[Outgoing, ...]:
    """Return the parts that go out; the layout stays here, as carriers that speak HTTP take none.

    Raises:
        Rejected: a part's file is gone.
    """
    parts = [part for part in message.parts if part.kind is not PartKind.LAYOUT]
    if provider.media_mode == "link":
        return tuple(_linked(settings, part) for part in parts)
    return await asyncio.to_thread(_read, parts)


def media_base(settings: Settings) -> str:
    """Return how carriers reach our media links."""
    public = settings.public_url or f"http://{settings.host}:{settings.port}"
    return f"{public.rstrip('/')}/media"


def _linked(settings: Settings, part: Part) -> Outgoing:
    token = links.sign(
        part.path or "",
        folders=(settings.attachments, settings.uploads),
        content_type=part.content_type,
        secret_key=settings.secret_key.get_secret_value(),
        expires_at=int(time.time()) + settings.media_link_s,
    )
    url = f"{media_base(settings)}/{token}/{part.name}"
    return Outgoing(name=part.name, content_type=part.content_type, size=part.size, url=url)


def _read(parts: Sequence[Part]) -> tuple[Outgoing, ...]:
    try:
        return tuple(
            Outgoing(
                name=part.name,
                content_type=part.content_type,
                size=part.size,
                data=Path(part.path or "").read_bytes(),
            )
            for part in parts
        )
    except OSError as error:
        raise Rejected("a part's file is gone", code="media") from error
