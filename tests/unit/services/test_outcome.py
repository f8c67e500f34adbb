"""What one attempt means, row by row of DESIGN section 6."""

import random
from collections.abc import Callable
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.domain.message import Message, Receipt
from broker.domain.status import Event
from broker.errors import NotAuthorised, OutcomeUnknown, Rejected, Throttled, Unavailable
from broker.services.outcome import Result, Verdict, end_of, judge, move_of
from broker.settings import Settings
from tests.factories import NOW, NOW_MS, make_message


@pytest.fixture
def verdict_on(tmp_path: object) -> Callable[..., Verdict]:
    def decide(result: Result, message: Message | None = None, **changes: object) -> Verdict:
        settings = Settings(
            retry_first_s=5, retry_longest_s=60, retry_attempts=3, unknown_hold_s=60, **changes
        )
        return judge(result, message or make_message(attempts=1), now_ms=NOW_MS, settings=settings)

    return decide


@pytest.mark.parametrize(
    ("result", "event"),
    [
        (Receipt(provider_ref="r"), Event.RECEIPT),
        (Receipt(provider_ref=None), Event.RECEIPT),
        (Unavailable("refused"), Event.DEFER),
        (Throttled("429"), Event.DEFER),
        (NotAuthorised("401"), Event.DEFER),
        (Rejected("400"), Event.REFUSE),
        (OutcomeUnknown("reset"), Event.LOSE),
        (ZeroDivisionError("a fault of our own"), Event.LOSE),
        (TimeoutError(), Event.LOSE),
    ],
)
def test_each_outcome_has_its_event(verdict_on: Callable[..., Verdict], result: Result, event: Event) -> None:
    assert verdict_on(result).event is event


def test_a_lost_answer_is_waited_for_as_long_as_the_setting_says(verdict_on: Callable[..., Verdict]) -> None:
    assert verdict_on(OutcomeUnknown("reset")).due_at == NOW_MS + 60_000


def test_a_retry_is_not_before_the_time_the_carrier_named(verdict_on: Callable[..., Verdict]) -> None:
    due_at = verdict_on(Throttled("429", retry_after_s=300)).due_at
    assert due_at is not None
    assert due_at >= NOW_MS + 300_000


def test_a_retry_waits_but_not_longer_than_the_longest(verdict_on: Callable[..., Verdict]) -> None:
    for _ in range(50):
        due_at = verdict_on(Unavailable("refused"), make_message(attempts=2)).due_at
        assert due_at is not None
        assert NOW_MS + 2_500 <= due_at <= NOW_MS + 60_000


def test_a_retry_never_lies_after_the_validity(verdict_on: Callable[..., Verdict]) -> None:
    message = make_message(attempts=1, valid_until=NOW + timedelta(seconds=1))
    assert verdict_on(Throttled("429", retry_after_s=300), message).due_at == NOW_MS + 1_000


def test_attempts_are_bounded_where_the_carrier_is_away(verdict_on: Callable[..., Verdict]) -> None:
    assert verdict_on(Unavailable("refused"), make_message(attempts=3)).event is Event.GIVE_UP


def test_bad_credentials_of_ours_never_use_up_a_message(verdict_on: Callable[..., Verdict]) -> None:
    assert verdict_on(NotAuthorised("401"), make_message(attempts=99)).event is Event.DEFER


def test_a_verdict_is_about_its_own_attempt(verdict_on: Callable[..., Verdict]) -> None:
    message = make_message(attempts=2)
    verdict = verdict_on(Receipt(provider_ref="r", http_status=202), message)
    move, end = move_of(message, verdict, now_ms=NOW_MS), end_of(message, verdict, now_ms=NOW_MS)
    assert (move.attempt, move.key, move.provider_ref) == (2, "receipt.2", "r")
    assert (end.number, end.outcome, end.http_status) == (2, "sent", 202)


def test_an_error_of_our_own_shows_its_kind_and_not_its_words(verdict_on: Callable[..., Verdict]) -> None:
    assert verdict_on(ValueError("+12025550101 said hello")).detail == "internal error: ValueError"


@given(seed=st.integers(0, 2**32), valid_s=st.integers(1, 4 * 3600), asked=st.none() | st.integers(1, 900))
def test_all_tries_of_a_message_lie_within_its_validity_and_are_bounded_in_number(
    seed: int, valid_s: int, asked: int | None
) -> None:
    random.seed(seed)
    settings = Settings(retry_first_s=5, retry_longest_s=60, retry_attempts=30)
    end_ms = NOW_MS + valid_s * 1000
    now_ms, waits = NOW_MS, []
    for attempt in range(1, 100):
        message = make_message(attempts=attempt, valid_until=NOW + timedelta(seconds=valid_s))
        error = Unavailable("away") if asked is None else Throttled("429", retry_after_s=asked)
        verdict = judge(error, message, now_ms=now_ms, settings=settings)
        if verdict.event is Event.GIVE_UP:
            assert attempt == settings.retry_attempts
            break
        assert verdict.due_at is not None
        assert now_ms < verdict.due_at <= end_ms
        waits.append(verdict.due_at - now_ms)
        now_ms = verdict.due_at
        if now_ms == end_ms:  # it is over then, and expires
            break
    assert len(waits) < settings.retry_attempts
    longest_ms = max(settings.retry_longest_s, asked or 0) * 1000
    assert all(wait <= longest_ms for wait in waits)
    assert all(wait >= max(2_500, (asked or 0) * 1000) for wait in waits[:-1])


def test_messages_that_failed_together_do_not_come_back_together(verdict_on: Callable[..., Verdict]) -> None:
    due = {verdict_on(Unavailable("away"), make_message(attempts=2)).due_at for _ in range(50)}
    assert len(due) > 40
