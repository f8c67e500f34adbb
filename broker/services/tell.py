"""Tell one customer one thing."""

from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime

from broker.dialects import DIALECTS
from broker.directory import Snapshot
from broker.domain.account import CallbackPlan
from broker.domain.callback import Callback
from broker.domain.message import Message, PartState
from broker.domain.wire import Request
from broker.errors import OutcomeUnknown
from broker.net.plain import Incoming
from broker.runtime import Runtime
from broker.services.outgoing import link_to
from broker.services.told import Answer, retry_after_s
from broker.storage.callbacks import Due

READ_LIMIT = 4096
"""How much of an answer is read, in bytes."""

NOTHING_TO_SAY = Answer(status=204)


async def tell(runtime: Runtime, known: Snapshot, found: Mapping[str, Message], item: Due) -> Answer:
    """Tell a customer, and return what was answered.

    Raises:
        ProviderError: nobody answered. MediaForbidden: the URL leads where we do not go.
    """
    request = request_for(runtime, known, found[item.message_id], item)
    if request is None:
        return NOTHING_TO_SAY
    async with runtime.guarded.stream(request, timeout_s=runtime.settings.callback_timeout_s) as answer:
        await _read_some(answer)
        return Answer(
            status=answer.status, retry_after_s=retry_after_s(answer.headers.get("retry-after", ""))
        )


def request_for(runtime: Runtime, known: Snapshot, message: Message, item: Due) -> Request | None:
    """Return a callback in the words of its account's dialect."""
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
    return DIALECTS.get(plan.dialect, DIALECTS["native"]).callback(callback)


async def _read_some(answer: Incoming) -> None:
    """Read so much of an answer that a short one leaves its connection ready for the next; what it says is all one."""
    size = 0
    with suppress(OutcomeUnknown):
        async for chunk in answer.chunks():
            size += len(chunk)
            if size > READ_LIMIT:
                return
