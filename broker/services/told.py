"""What a customer's answer to a callback means, or the lack of one."""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus

from broker.domain.backoff import doubled_s
from broker.domain.callback import CallbackState, Telling
from broker.errors import AdmissionError, MediaError, ProviderError
from broker.settings import Settings
from broker.storage.callbacks import Due, Tried

LONGEST_ASKED_S = 24 * 3600.0
"""Longest wait that a customer's Retry-After is granted."""

_BUSY = frozenset(
    {
        HTTPStatus.REQUEST_TIMEOUT,
        HTTPStatus.TOO_MANY_REQUESTS,
        HTTPStatus.BAD_GATEWAY,
        HTTPStatus.SERVICE_UNAVAILABLE,
        HTTPStatus.GATEWAY_TIMEOUT,
    }
)
"""Answers that ask for less. One of 500 costs nobody any time: the callback's own schedule will do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a customer's server said, whether that means it has heard, and how long it wants to be left alone."""

    status: int
    heard: bool = False
    retry_after_s: float = 0.0


Result = Answer | BaseException


def is_well(result: Result) -> bool:
    """Say whether the endpoint is there and can cope, whatever it made of the callback, and we of its answer."""
    if isinstance(result, Answer):
        return result.status not in _BUSY
    return isinstance(result, AdmissionError)


def asked_ms(result: Result) -> int:
    """Return how long the endpoint wants to be left alone."""
    return round(result.retry_after_s * 1000) if isinstance(result, Answer) and not is_well(result) else 0


def judge(
    result: Result,
    item: Due,
    *,
    now_ms: int,
    settings: Settings,
    telling: Telling | None = None,
    dice: Callable[[], float] = random.random,
) -> Tried:
    """Return what becomes of a callback after a try that ended at `now_ms`, by the rules of its dialect."""
    telling = telling or Telling()
    status = result.status if isinstance(result, Answer) else None
    if isinstance(result, Answer) and result.heard:
        return Tried(id=item.id, state=CallbackState.TOLD, http_status=status)
    error = _error(result)
    if status == HTTPStatus.GONE and telling.holds_gone:
        return Tried(id=item.id, state=CallbackState.HELD, http_status=status, error=error)
    if now_ms >= item.ends_at or (telling.attempts is not None and item.attempts >= telling.attempts):
        return Tried(id=item.id, state=CallbackState.GIVEN_UP, http_status=status, error=error)
    wait_s = _wait_s(item.attempts, telling.waits_s, settings, dice)
    if isinstance(result, Answer):
        wait_s = max(wait_s, result.retry_after_s)
    due_at = min(now_ms + round(wait_s * 1000), item.ends_at)
    return Tried(id=item.id, state=CallbackState.OWED, due_at=due_at, http_status=status, error=error)


def _wait_s(attempts: int, waits_s: Sequence[float], settings: Settings, dice: Callable[[], float]) -> float:
    if attempts <= len(waits_s):
        return waits_s[attempts - 1]
    first_s = waits_s[-1] if waits_s else settings.callback_first_s
    return doubled_s(attempts - len(waits_s), first_s, settings.callback_longest_s, dice)


def retry_after_s(value: str) -> float:
    """Return the seconds that a Retry-After header asks for, as a number or a date (RFC 9110 10.2.3), bounded."""
    try:
        wait_s = float(value) if value.strip().isdecimal() else _until(value)
    except (ValueError, OverflowError):
        return 0.0
    return min(max(wait_s, 0.0), LONGEST_ASKED_S)


def _until(value: str) -> float:
    until = parsedate_to_datetime(value)
    return (until.replace(tzinfo=until.tzinfo or UTC) - datetime.now(UTC)).total_seconds()


def _error(result: Result) -> str:
    if isinstance(result, Answer):
        return f"answered {result.status}" + (", and said nothing" if result.status == HTTPStatus.OK else "")
    if isinstance(result, AdmissionError):
        return "the messages in the answer cannot be taken now"
    if isinstance(result, ProviderError | MediaError):
        return str(result)
    return f"internal error: {type(result).__name__}"
