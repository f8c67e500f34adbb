"""Take messages whose media must be looked at: fetch what arrived, prepare what is to leave."""

import asyncio
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial

import structlog

from broker.dispatch import Queue
from broker.domain.message import Direction, Message, Part, PartKind, PartState, Tag
from broker.domain.status import Event
from broker.domain.value import replace
from broker.errors import MediaError, MediaUnavailable, NotAuthorised, ProviderError
from broker.keyspace.ready import Popped
from broker.metrics.measures import MEDIA_BYTES, MEDIA_PARTS, MEDIA_TIMES
from broker.providers.base import Provider
from broker.runtime import Runtime
from broker.services import exchange, park, prepare, traces
from broker.services.backlog import next_look_ms, repaired_later
from broker.services.fetch import bring
from broker.services.outcome import at
from broker.services.owing import owe, tell_soon
from broker.services.poison import work_on
from broker.services.recording import fetches
from broker.storage import logbook, messages, parts
from broker.storage.away import StorageAway
from broker.storage.database import Sql
from broker.storage.messages import Move

log = structlog.get_logger()

TAKE = 20
"""Most messages of one take: media is slow, and a take ends with its slowest message."""


def take(runtime: Runtime) -> None:
    """Work on up to a take's worth of the messages whose media is due."""
    popped = runtime.ready.pop(Queue.MEDIA, TAKE)
    if popped.ids:
        until_ms = popped.now_ms + _lease_ms(runtime)
        ours = _lease(runtime, popped, until_ms)
        work = partial(_take, runtime, until_ms)
        with _yielding(runtime, ours.ids, until_ms):
            work_on(runtime, Queue.MEDIA, ours, work, park=partial(park.media, runtime))


def _lease_ms(runtime: Runtime) -> int:
    return round(runtime.settings.media_timeout_s * 2000)


def _lease(runtime: Runtime, popped: Popped, until_ms: int) -> Popped:
    """Return what is ours now; a second copy of what somebody works on is no try of it, and no sign that he died."""
    lease = partial(parts.lease, ids=popped.ids, now_ms=popped.now_ms, until_ms=until_ms)
    ours = set(runtime.database.write(lease))
    if others := [name for name in popped.ids if name not in ours]:
        waiting = runtime.database.read(partial(parts.waiting, ids=others))
        with repaired_later():
            runtime.ready.drop(Queue.MEDIA, [name for name in others if name not in waiting])
    return replace(popped, ids=tuple(name for name in popped.ids if name in ours))


@contextmanager
def _yielding(runtime: Runtime, ids: Sequence[str], leased_ms: int) -> Iterator[None]:
    """Give the lease up of what a broken try leaves undone; where SQL is away too, it runs out."""
    is_whole = False
    try:
        yield
        is_whole = True
    finally:
        if not is_whole:
            now_ms = runtime.ready.now_ms()
            with suppress(StorageAway):
                runtime.database.write(partial(parts.renew, ids=ids, until_ms=now_ms, was_ms=leased_ms))


def _take(runtime: Runtime, leased_ms: int, ids: Sequence[str]) -> None:
    until_ms = runtime.ready.now_ms() + _lease_ms(runtime)  # those before it may have taken long
    free = runtime.database.write(partial(parts.renew, ids=ids, until_ms=until_ms, was_ms=leased_ms))
    with _yielding(runtime, free, until_ms):
        found = runtime.database.read(partial(messages.load, ids=free))
        broken = runtime.loop.run(_work_on(runtime, list(found.values()))) if found else {}
        with repaired_later():
            runtime.ready.drop(Queue.MEDIA, [name for name in free if name not in broken])
        for error in broken.values():
            raise error


async def _work_on(runtime: Runtime, found: Sequence[Message]) -> dict[str, BaseException]:
    """Work on each message, and return the errors of those that broke by their ids."""

    async def work(message: Message) -> None:
        if message.direction is Direction.OUT:
            with runtime.meter.timing(MEDIA_TIMES, "prepare"):
                await prepare.prepare(runtime, message)
        else:
            with runtime.meter.timing(MEDIA_TIMES, "fetch"):
                await _fetch(runtime, message)

    results = await asyncio.gather(*(work(message) for message in found), return_exceptions=True)
    broken = {
        message.id: result
        for message, result in zip(found, results, strict=True)
        if isinstance(result, BaseException)
    }
    for name, error in broken.items():
        # The outbox brings the message back.
        log.error("media_broke", message_id=name, exc_info=error)
    return broken


async def _fetch(runtime: Runtime, message: Message) -> None:
    known = await asyncio.to_thread(runtime.directory.look)
    provider = known.providers.get(message.connection or "")
    pending = [part for part in message.parts if part.state is PartState.PENDING]
    started = time.time()
    fetched = await asyncio.gather(*(_fetch_part(runtime, provider, message, part) for part in pending))
    recorded_s = time.time()
    await asyncio.to_thread(_record, runtime, message, fetched, started)
    if runtime.tracing is not None:
        traces.recorded(runtime.tracing, message, began_s=recorded_s)


async def _fetch_part(runtime: Runtime, provider: Provider | None, message: Message, part: Part) -> Part:
    began_s = time.time()
    found = await _try_part(runtime, provider, message, part)
    if runtime.tracing is not None:
        traces.fetched(runtime.tracing, message, found, began_s=began_s)
    return found


async def _try_part(runtime: Runtime, provider: Provider | None, message: Message, part: Part) -> Part:
    try:
        if provider is None:
            raise MediaUnavailable("its connection is gone")
        return await _with_credentials(runtime, provider, message, part)
    except ProviderError as error:  # no token to be had, or it is refused: later, like a host that is away
        return replace(part, error=error.detail)
    except MediaError as error:
        state = PartState.LOST if error.final else PartState.PENDING
        return replace(part, state=state, error=str(error))


async def _with_credentials(runtime: Runtime, provider: Provider, message: Message, part: Part) -> Part:
    request = provider.media(part.url or "")
    token = await exchange.token_for(runtime, provider)
    fetch = partial(bring, runtime.plain, part=part, message_id=message.id, settings=runtime.settings)
    try:
        return await fetch(provider.authorise(request, token))
    except NotAuthorised:
        if token is None:
            raise
        await runtime.tokens.forget(provider.connection.name, token)
        token = await exchange.token_for(runtime, provider)
        return await fetch(provider.authorise(request, token))


def _record(runtime: Runtime, message: Message, fetched: Sequence[Part], started: float) -> None:
    now_ms = runtime.ready.now_ms()
    age_ms = now_ms - round(message.created_at.timestamp() * 1000)
    over = age_ms > runtime.settings.media_retry_s * 1000
    settled = [
        replace(part, state=PartState.LOST) if over and part.state is PartState.PENDING else part
        for part in fetched
    ]
    whole = {part.index: part for part in (*message.parts, *settled)}.values()
    states = {part.state for part in whole}

    known = runtime.directory.look()
    tags = path_tags(list(whole))
    told = fetches(message, settled, started, tags=tags)

    def job(sql: Sql) -> bool:
        parts.record(sql, message.id, settled)
        parts.tag(sql, message.id, (*tags, *described(list(whole))))
        logbook.write(sql, told)
        if PartState.PENDING in states:
            parts.postpone(sql, message.id, now_ms + next_look_ms(age_ms))
            return False
        event = Event.LOSE_PART if PartState.LOST in states else Event.READY
        due_at = now_ms + round(runtime.settings.arrival_s * 1000)
        move = Move(id=message.id, event=event, at=at(now_ms), key=event, due_at=due_at)
        moved = messages.move(sql, [move])
        return owe(sql, moved, known, now_ms=now_ms, settings=runtime.settings)

    tell_soon(runtime.schedule, owed=runtime.database.write(job))
    runtime.meter.add(MEDIA_PARTS, Counter((str(part.state),) for part in settled))
    stored = (part.size for part in settled if part.state is PartState.STORED)
    runtime.meter.count(MEDIA_BYTES, "fetch", by=sum(stored))
    log.info(
        "media_fetched",
        message_id=message.id,
        **{state: sum(p.state is state for p in whole) for state in states},
    )


def described(whole: Sequence[Part]) -> tuple[Tag, ...]:
    """Return the tags that tell type, size and origin of each stored file: attachment_type, attachment2_type, …"""
    shown = [part for part in whole if part.state is PartState.STORED and part.kind is not PartKind.LAYOUT]
    return tuple(
        Tag(name=f"attachment{n if n > 1 else ''}_{name}", value=value)
        for n, part in enumerate(shown, start=1)
        for name, value in (("type", part.content_type), ("size", str(part.size)), ("url", part.url or ""))
    )


def path_tags(whole: Sequence[Part]) -> tuple[Tag, ...]:
    """Return the tags that name each stored file: attachment, attachment2, … and layout for a layout."""
    stored = [part for part in whole if part.state is PartState.STORED]
    shown = [part for part in stored if part.kind is not PartKind.LAYOUT]
    layouts = [part for part in stored if part.kind is PartKind.LAYOUT]
    return tuple(
        Tag(name=f"{name}{n if n > 1 else ''}", value=part.path or "")
        for name, group in (("attachment", shown), ("layout", layouts))
        for n, part in enumerate(group, start=1)
    )
