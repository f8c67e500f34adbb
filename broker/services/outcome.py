"""What one attempt means for its message (DESIGN section 6)."""

import random
from datetime import UTC, datetime

from broker.domain.backoff import next_delay_s
from broker.domain.message import Message, Receipt
from broker.domain.status import Event
from broker.domain.value import value
from broker.errors import NotAuthorised, OutcomeUnknown, ProviderError, Rejected, Throttled
from broker.settings import Settings
from broker.storage.messages import Move
from broker.storage.submissions import Ended

Result = Receipt | BaseException

OUTCOMES = {
    Event.RECEIPT: "sent",
    Event.DEFER: "not_sent",
    Event.GIVE_UP: "not_sent",
    Event.REFUSE: "refused",
    Event.LOSE: "unknown",
}
"""The word an attempt's record has for how it ended."""


@value
class Verdict:
    """The event an attempt ends in, and when to look at the message again (Redis's clock, ms)."""

    event: Event
    due_at: int | None = None
    provider_ref: str | None = None
    http_status: int | None = None
    detail: str = ""


def judge(result: Result, message: Message, *, now_ms: int, settings: Settings) -> Verdict:
    """Return what becomes of a message after an attempt that ended at `now_ms`."""
    if isinstance(result, Receipt):
        return Verdict(event=Event.RECEIPT, provider_ref=result.provider_ref, http_status=result.http_status)
    if not isinstance(result, ProviderError) or isinstance(result, OutcomeUnknown):
        # An error of our own came from after the request as likely as from before it.
        due_at = now_ms + round(settings.unknown_hold_s * 1000)
        return _verdict(Event.LOSE, result, due_at=due_at)
    if isinstance(result, Rejected):
        return _verdict(Event.REFUSE, result)
    if isinstance(result, Throttled) and message.attempts >= settings.retry_attempts:
        return _verdict(Event.GIVE_UP, result)
    return _verdict(Event.DEFER, result, due_at=_again_at(result, message, now_ms, settings))


def move_of(message: Message, verdict: Verdict, *, now_ms: int) -> Move:
    """Return the verdict as a move of the message."""
    return Move(
        id=message.id,
        event=verdict.event,
        at=at(now_ms),
        key=f"{verdict.event}.{message.attempts}",
        detail=verdict.detail,
        attempt=message.attempts,
        due_at=verdict.due_at,
        provider_ref=verdict.provider_ref,
    )


def end_of(message: Message, verdict: Verdict, *, now_ms: int, exchange: str | None = None) -> Ended:
    """Return the verdict as the end of the message's last attempt; `exchange` says where the exchange is told."""
    return Ended(
        message_id=message.id,
        number=message.attempts,
        at=at(now_ms),
        outcome=OUTCOMES[verdict.event],
        http_status=verdict.http_status,
        error=verdict.detail or None,
        exchange=exchange,
    )


def at(now_ms: int) -> datetime:
    """Return a time of Redis's clock as a time."""
    return datetime.fromtimestamp(now_ms / 1000, tz=UTC)


def _again_at(error: ProviderError, message: Message, now_ms: int, settings: Settings) -> int:
    """Return when to try again: not before the carrier said, and at the end of the validity at the latest."""
    if isinstance(error, NotAuthorised):
        wait_s = settings.hold_s
    else:
        wait_s = next_delay_s(
            message.attempts, settings.retry_first_s, settings.retry_longest_s, random.random
        )
    if isinstance(error, Throttled) and error.retry_after_s is not None:
        wait_s = max(wait_s if error.retry_after_s else 0, error.retry_after_s)
    return min(now_ms + round(wait_s * 1000), round(message.valid_until.timestamp() * 1000))


def _verdict(event: Event, error: BaseException, *, due_at: int | None = None) -> Verdict:
    if isinstance(error, ProviderError):
        told = not error.code or error.code in error.detail
        detail = error.detail if told else f"{error.code}: {error.detail}"
        return Verdict(event=event, due_at=due_at, http_status=error.http_status, detail=detail)
    return Verdict(event=event, due_at=due_at, detail=f"internal error: {type(error).__name__}")
