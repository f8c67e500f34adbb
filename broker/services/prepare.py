"""Prepare the media of a message that is to leave: fetch what has a URL, check it, make pictures fit."""

import asyncio
import time
from collections.abc import Sequence
from pathlib import Path

import structlog

from broker.domain.content_type import canonical
from broker.domain.logbook import Entry
from broker.domain.media import safe_name
from broker.domain.message import Message, Part, PartKind, PartState
from broker.domain.status import Event
from broker.domain.value import replace
from broker.domain.wire import Request
from broker.errors import (
    MediaError,
    MediaGone,
    MediaTooLarge,
    MediaUnavailable,
    MediaWrongType,
    NotAuthorised,
)
from broker.metrics.measures import MEDIA_BYTES, MEDIA_PARTS
from broker.providers.base import Limits
from broker.runtime import Runtime
from broker.services import counting
from broker.services.backlog import next_look_ms, queue_of
from broker.services.fetch import bring
from broker.services.fit import Picture, fit
from broker.services.lanes import later_of
from broker.services.outcome import at
from broker.services.owing import owe, tell_soon
from broker.services.recording import fetches, fetches_failed
from broker.storage import logbook, messages, parts
from broker.storage.database import Sql
from broker.storage.files import Sink, part_path
from broker.storage.messages import Move, Moved

log = structlog.get_logger()


async def prepare(runtime: Runtime, message: Message) -> None:
    """Bring a message's parts into the form its carrier takes, then let it go on; or refuse it and say why.

    A group is prepared once, for all its members.
    """
    known = await asyncio.to_thread(runtime.directory.look)
    provider = known.providers.get(message.connection or "")
    pending = {part.index for part in message.parts if part.state is PartState.PENDING}
    started = time.time()
    try:
        fetched = await asyncio.gather(*(_fetched(runtime, message, part) for part in message.parts))
        limits = None if provider is None else provider.limits
        ready = await asyncio.to_thread(_fitted, runtime, message, fetched, limits)
    except MediaError as error:
        told = fetches_failed(message, error, started)
        await asyncio.to_thread(_failed, runtime, message, error, told)
    else:
        told = fetches(message, [part for part in ready if part.index in pending], started)
        await asyncio.to_thread(_ready, runtime, message, ready, told)


async def _fetched(runtime: Runtime, message: Message, part: Part) -> Part:
    if part.state is PartState.STORED:
        return part
    request = Request(method="GET", url=part.url or "")
    try:
        return await bring(runtime.guarded, request, part, message_id=message.id, settings=runtime.settings)
    except NotAuthorised as error:
        raise MediaGone("the media host wants credentials") from error


def _fitted(
    runtime: Runtime, message: Message, fetched: Sequence[Part], limits: Limits | None
) -> tuple[Part, ...]:
    if limits is None:
        raise MediaUnavailable("its connection is gone")
    shown = [part for part in fetched if part.kind is not PartKind.LAYOUT]
    if len(shown) > limits.parts:
        raise MediaTooLarge(f"there are more than {limits.parts} parts")
    if sum(part.size for part in shown) > runtime.settings.media_message_limit:
        raise MediaTooLarge(f"the parts have more than {runtime.settings.media_message_limit} bytes together")
    pictures = fit([_picture(part) for part in shown], limits.message_bytes(message.originator))
    for part, picture in zip(shown, pictures, strict=True):
        if canonical(picture.content_type) not in limits.content_types:
            raise MediaWrongType(
                f"part {part.index} is {canonical(picture.content_type)}, which is not carried"
            )
        if len(picture.data) > limits.part_bytes:
            raise MediaTooLarge(f"part {part.index} has more than {limits.part_bytes} bytes")
    fitted = {
        part.index: _kept(runtime, message, part, picture)
        for part, picture in zip(shown, pictures, strict=True)
    }
    layouts = (part for part in fetched if part.kind is PartKind.LAYOUT)
    fitted |= {part.index: _kept(runtime, message, part, _picture(part)) for part in layouts}
    return tuple(fitted[part.index] for part in fetched)


def _picture(part: Part) -> Picture:
    try:
        data = Path(part.path or "").read_bytes()
    except OSError as error:
        raise MediaGone(f"part {part.index} is no longer there") from error
    return Picture(data=data, content_type=part.content_type, name=part.name)


def _kept(runtime: Runtime, message: Message, part: Part, picture: Picture) -> Part:
    """Return the part with its bytes below the message's own folder, where they outlive an upload."""
    root = runtime.settings.attachments
    name = safe_name(picture.name or f"part{part.index}", picture.content_type)
    path = part_path(root, message.id, part.index, name)
    if Path(part.path or "") == path and len(picture.data) == part.size:
        return part
    with Sink(path.parent) as sink:
        sink.write(picture.data)
        stored = sink.commit(path.name)
    return replace(
        part,
        name=name,
        content_type=picture.content_type,
        size=stored.size,
        sha256=stored.sha256,
        path=str(stored.path),
    )


def _ready(runtime: Runtime, message: Message, ready: Sequence[Part], told: Sequence[Entry]) -> None:
    now_ms = runtime.ready.now_ms()
    due_at = now_ms if message.send_at is None else max(now_ms, round(message.send_at.timestamp() * 1000))
    ids = message.members or (message.id,)

    def job(sql: Sql) -> None:
        logbook.write(sql, told)
        for identifier in ids:
            parts.record(sql, identifier, ready)
        messages.move(
            sql,
            [Move(id=one, event=Event.READY, at=at(now_ms), key=Event.READY, due_at=due_at) for one in ids],
        )

    runtime.database.write(job)
    runtime.meter.count(MEDIA_PARTS, "stored", by=len(ready))
    runtime.meter.count(MEDIA_BYTES, "prepare", by=sum(part.size for part in ready))
    queue = queue_of(message.priority)
    if due_at > now_ms:
        runtime.schedule.add(queue, [later_of(message, due_at)])
    else:
        runtime.ready.push(queue, [ids[0]])


def _failed(runtime: Runtime, message: Message, error: MediaError, told: Sequence[Entry]) -> None:
    now_ms = runtime.ready.now_ms()
    detail = str(error)
    if error.final:
        event = Event.REFUSE
    elif message.valid_until <= at(now_ms):
        event = Event.EXPIRE
    else:
        age_ms = now_ms - round(message.created_at.timestamp() * 1000)
        until_ms = now_ms + next_look_ms(age_ms)

        def later(sql: Sql) -> None:
            logbook.write(sql, told)
            parts.postpone(sql, message.id, until_ms)

        runtime.database.write(later)
        return
    ids = message.members or (message.id,)
    moves = [Move(id=one, event=event, at=at(now_ms), key=event, detail=detail) for one in ids]
    known = runtime.directory.look()

    def job(sql: Sql) -> tuple[list[Moved], bool]:
        logbook.write(sql, told)
        moved = messages.move(sql, moves)
        return moved, owe(sql, moved, known, now_ms=now_ms, settings=runtime.settings)

    moved, owed = runtime.database.write(job)
    counting.ended(runtime.meter, moved)
    runtime.meter.count(MEDIA_PARTS, "refused", by=len(message.parts))
    tell_soon(runtime.schedule, owed=owed)
    log.info("media_refused", message_id=message.id, reason=type(error).__name__)
