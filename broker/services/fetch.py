"""Bring one part into MMSAttachments: streamed, capped, sniffed, hashed, fsynced, named."""

import asyncio

from broker.domain.media import HEAD, kind_of, safe_name, settle
from broker.domain.message import Part, PartState
from broker.domain.value import replace
from broker.domain.wire import Request
from broker.errors import MediaUnavailable
from broker.net.download import download
from broker.net.plain import AiohttpClient
from broker.settings import Settings
from broker.storage.files import Sink, part_path


async def bring(
    client: AiohttpClient, request: Request, part: Part, *, message_id: str, settings: Settings
) -> Part:
    """Return the part as it is once its bytes are at home.

    Raises:
        MediaError: it could not be had; its class says whether it ever will.
        NotAuthorised: the host refuses our credentials.
    """
    head = bytearray()
    with Sink(settings.attachments / message_id) as sink:

        def keep(chunk: bytes) -> None:
            if len(head) < HEAD:
                head.extend(chunk[: HEAD - len(head)])
            sink.write(chunk)

        got = await download(
            client, request, keep, limit=settings.media_part_limit, timeout_s=settings.media_timeout_s
        )
        if not got.size:
            raise MediaUnavailable("the media host sent nothing")
        declared = got.content_type or part.content_type
        content_type = settle(bytes(head), declared, got.filename)
        name = safe_name(part.name or got.filename, content_type)
        path = part_path(settings.attachments, message_id, part.index, name)
        stored = await asyncio.to_thread(sink.commit, path.name)
    return replace(
        part,
        content_type=content_type,
        name=name,
        kind=kind_of(content_type, got.filename, bytes(head)),
        state=PartState.STORED,
        size=stored.size,
        sha256=stored.sha256,
        path=str(stored.path),
        error="",
    )
