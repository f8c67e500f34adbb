"""Tell one customer one thing."""

import asyncio
import time
from contextlib import suppress
from datetime import UTC, datetime

from broker.dialects import DIALECTS
from broker.dialects.base import Dialect
from broker.directory import Snapshot
from broker.domain.account import CallbackPlan
from broker.domain.callback import Callback, Telling
from broker.domain.message import Message
from broker.domain.status import Status
from broker.domain.value import replace
from broker.domain.wire import Request, Response
from broker.errors import OutcomeUnknown
from broker.log import get_logger
from broker.net.plain import Incoming
from broker.runtime import Runtime
from broker.services.outgoing import link_to
from broker.services.replies import send_replies
from broker.services.stored import read_parts, stored_parts
from broker.services.told import Answer, retry_after_s
from broker.storage.callbacks import Due

READ_LIMIT = 4096
"""How much of an answer is read, in bytes."""

NOTHING_TO_SAY = Answer(status=204, heard=True)

log = get_logger()


async def tell(
    runtime: Runtime,
    known: Snapshot,
    message: Message,
    item: Due,
    *,
    earlier: frozenset[Status] = frozenset(),
) -> Answer:
    """Tell a customer, and return what was answered; `earlier` is what the callbacks before it say.

    Raises:
        ProviderError: nobody answered. MediaForbidden: the URL leads where we do not go. AdmissionError: it was
            answered, and what the answer wants sent cannot be taken now.
    """
    callback = callback_for(runtime, known, message, item, earlier=earlier)
    dialect = runtime.dialects[dialect_of(known, message, item).name]
    if dialect.wants_files(callback):
        # Megabytes are read and packed, which is no work for the loop.
        request = await asyncio.to_thread(_request_with_files, dialect, callback)
    else:
        request = dialect.callback(callback)
    if request is None:
        return NOTHING_TO_SAY
    telling = dialect.telling
    started = time.monotonic()
    said = await _post(runtime, request, telling)
    took_s = time.monotonic() - started
    if telling.slow_s is not None and took_s > telling.slow_s:
        log.warning("callback_answered_slowly", account=item.account, took_s=round(took_s, 1))
    heard = dialect.heard(said)
    if heard and callback.manner.replies:
        await send_replies(runtime, known, message, dialect.name, dialect.replies(callback, said))
    return Answer(
        status=said.status,
        heard=heard,
        retry_after_s=retry_after_s(said.headers.get("retry-after", "")),
    )


async def _post(runtime: Runtime, request: Request, telling: Telling) -> Response:
    """Return what is answered, with the beginning of its body; who traces learns of which call it is a part."""
    if runtime.tracing is not None and (here := runtime.tracing.here()):
        request = replace(request, headers={**request.headers, "traceparent": here})
    timeout_s = telling.timeout_s or runtime.settings.callback_timeout_s
    async with runtime.guarded.stream(request, timeout_s=timeout_s, connect_s=telling.connect_s) as answer:
        return Response(status=answer.status, headers=answer.headers, body=await _read_some(answer))


def dialect_of(known: Snapshot, message: Message, item: Due) -> Dialect:
    """Return whose words a callback is put into: the account's, or for a URL of its own those the message came in."""
    name = known.callbacks.get(item.account, CallbackPlan()).dialect
    if item.url == message.callback_url and message.dialect != "native":
        name = message.dialect
    return DIALECTS.get(name, DIALECTS["native"])


def callback_for(
    runtime: Runtime, known: Snapshot, message: Message, item: Due, *, earlier: frozenset[Status]
) -> Callback:
    """Return a callback with all but the bytes of parts."""
    plan = known.callbacks.get(item.account, CallbackPlan())
    return Callback(
        id=item.id,
        message=message,
        status=item.status,
        sequence=item.seq,
        at=item.at,
        sent_at=datetime.now(UTC),
        url=item.url,
        detail=item.detail,
        links={part.index: link_to(runtime.settings, part) for part in stored_parts(message)},
        earlier=earlier,
        manner=plan.manner,
        secrets=plan.secrets,
    )


def _request_with_files(dialect: Dialect, callback: Callback) -> Request | None:
    return dialect.callback(replace(callback, files=read_parts(stored_parts(callback.message))))


async def _read_some(answer: Incoming) -> bytes:
    """Return the beginning of an answer; a short one leaves its connection ready for the next."""
    read = bytearray()
    with suppress(OutcomeUnknown):
        async for chunk in answer.chunks():
            read += chunk
            if len(read) > READ_LIMIT:
                break
    return bytes(read[:READ_LIMIT])
