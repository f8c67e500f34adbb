"""Tell one customer one thing."""

import time
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime

from broker.dialects import DIALECTS
from broker.dialects.base import Dialect
from broker.directory import Snapshot
from broker.domain.account import CallbackPlan
from broker.domain.callback import Callback
from broker.domain.message import Message, PartState
from broker.domain.wire import Request, Response
from broker.errors import OutcomeUnknown
from broker.log import get_logger
from broker.net.plain import Incoming
from broker.runtime import Runtime
from broker.services.outgoing import link_to
from broker.services.told import Answer, retry_after_s
from broker.storage.callbacks import Due

READ_LIMIT = 4096
"""How much of an answer is read, in bytes."""

NOTHING_TO_SAY = Answer(status=204, heard=True)

log = get_logger()


async def tell(runtime: Runtime, known: Snapshot, found: Mapping[str, Message], item: Due) -> Answer:
    """Tell a customer, and return what was answered.

    Raises:
        ProviderError: nobody answered. MediaForbidden: the URL leads where we do not go.
    """
    message = found[item.message_id]
    request = request_for(runtime, known, message, item)
    if request is None:
        return NOTHING_TO_SAY
    dialect = dialect_of(known, message, item)
    telling = dialect.telling
    timeout_s = telling.timeout_s or runtime.settings.callback_timeout_s
    started = time.monotonic()
    async with runtime.guarded.stream(request, timeout_s=timeout_s, connect_s=telling.connect_s) as answer:
        said = Response(status=answer.status, headers=answer.headers, body=await _read_some(answer))
    took_s = time.monotonic() - started
    if telling.slow_s is not None and took_s > telling.slow_s:
        log.warning("callback_answered_slowly", account=item.account, took_s=round(took_s, 1))
    return Answer(
        status=said.status,
        heard=dialect.heard(said),
        retry_after_s=retry_after_s(said.headers.get("retry-after", "")),
    )


def dialect_of(known: Snapshot, message: Message, item: Due) -> Dialect:
    """Return whose words a callback is put into: the account's, or for a URL of its own those the message came in."""
    name = known.callbacks.get(item.account, CallbackPlan()).dialect
    if item.url == message.callback_url and message.dialect != "native":
        name = message.dialect
    return DIALECTS.get(name, DIALECTS["native"])


def request_for(runtime: Runtime, known: Snapshot, message: Message, item: Due) -> Request | None:
    """Return a callback in the words of its dialect."""
    plan = known.callbacks.get(item.account, CallbackPlan())
    stored = [part for part in message.parts if part.state is PartState.STORED]
    callback = Callback(
        id=item.id,
        message=message,
        status=item.status,
        sequence=item.seq,
        at=item.at,
        sent_at=datetime.now(UTC),
        url=item.url,
        detail=item.detail,
        links={part.index: link_to(runtime.settings, part) for part in stored},
        secrets=plan.secrets,
    )
    return dialect_of(known, message, item).callback(callback)


async def _read_some(answer: Incoming) -> bytes:
    """Return the beginning of an answer; a short one leaves its connection ready for the next."""
    read = bytearray()
    with suppress(OutcomeUnknown):
        async for chunk in answer.chunks():
            read += chunk
            if len(read) > READ_LIMIT:
                break
    return bytes(read[:READ_LIMIT])
