"""What a customer's answer means for the callback, and for its endpoint."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from itertools import pairwise

import pytest

from broker.dialects import DIALECTS
from broker.dialects.ozeki.dialect import OzekiDialect
from broker.domain.backoff import doubled_s
from broker.domain.callback import CallbackState, Telling
from broker.domain.status import Status
from broker.domain.wire import Response
from broker.errors import MediaForbidden, OutcomeUnknown, Unavailable
from broker.services.told import (
    LONGEST_ASKED_S,
    Answer,
    Result,
    asked_ms,
    is_well,
    judge,
    retry_after_s,
)
from broker.settings import Settings
from broker.storage.callbacks import Due, Tried
from tests.factories import NOW, NOW_MS

SETTINGS = Settings()
ENDS_AT = NOW_MS + round(SETTINGS.callback_for_s * 1000)


def middle() -> float:
    return 0.5


def tried(
    result: Result,
    *,
    attempts: int = 1,
    now_ms: int = NOW_MS,
    telling: Telling | None = None,
    dice: Callable[[], float] = middle,
) -> Tried:
    """Judge a try of a callback that was owed at NOW."""
    due = Due(
        id="an-id_submitted",
        message_id="an-id",
        seq=1,
        account="acme",
        status=Status.SUBMITTED,
        detail="",
        at=NOW,
        url="http://customer.example/",
        endpoint="acme customer.example",
        attempts=attempts,
        ends_at=ENDS_AT,
    )
    return judge(result, due, now_ms=now_ms, settings=SETTINGS, telling=telling, dice=dice)


def test_what_was_heard_is_the_end_of_it() -> None:
    assert tried(Answer(status=202, heard=True)) == Tried(
        id="an-id_submitted", state=CallbackState.TOLD, http_status=202
    )


@pytest.mark.parametrize("name", sorted(DIALECTS))
def test_an_answer_of_trouble_was_heard_in_no_dialect(name: str) -> None:
    for status in (199, 300, 302, 400, 404, 410, 429, 500, 503):
        assert not DIALECTS[name].heard(Response(status=status, body=b"ok"))
    assert DIALECTS[name].heard(Response(status=200, body=b"ok"))


def test_a_2xx_that_a_dialect_does_not_take_for_heard_is_tried_again() -> None:
    assert tried(Answer(status=200)).state is CallbackState.OWED


def test_a_dialects_own_waits_come_first_and_are_doubled_from_the_last() -> None:
    telling = OzekiDialect.telling
    assert telling.waits_s == (10, 30, 60, 300)
    dues = [tried(Answer(status=500), attempts=n, telling=telling).due_at for n in range(1, 8)]
    assert [(due or 0) - NOW_MS for due in dues] == [
        10_000,
        30_000,
        60_000,
        300_000,
        300_000,
        600_000,
        1_200_000,
    ]


def test_a_pause_that_is_asked_for_is_longer_than_a_dialects_wait() -> None:
    found = tried(Answer(status=503, retry_after_s=90), telling=Telling(waits_s=(10,)))
    assert found.due_at == NOW_MS + 90_000


@pytest.mark.parametrize(
    "result",
    [
        Answer(status=302),
        Answer(status=404),
        Answer(status=429),
        Answer(status=500),
        Unavailable("no connection"),
        OutcomeUnknown("no answer"),
        MediaForbidden("inside"),
        ZeroDivisionError("a mistake of ours"),
    ],
)
def test_anything_else_is_tried_again(result: Result) -> None:
    found = tried(result)
    assert (found.state, found.due_at) == (CallbackState.OWED, NOW_MS + 30_000)
    assert found.error


def test_a_mistake_of_ours_is_not_spelt_out() -> None:
    assert tried(ValueError("the text of a message")).error == "internal error: ValueError"


def test_gone_holds_it() -> None:
    found = tried(Answer(status=410))
    assert (found.state, found.due_at) == (CallbackState.HELD, None)


@pytest.mark.parametrize("dice", [lambda: 0.0, middle, lambda: 0.999])
def test_the_waits_double_up_to_their_end_28_hours_after(dice: Callable[[], float]) -> None:
    now_ms, waits = NOW_MS, []
    for attempt in range(1, 100):
        found = tried(Answer(status=500), attempts=attempt, now_ms=now_ms, dice=dice)
        if found.due_at is None:
            break
        waits.append((found.due_at - now_ms) / 1000)
        now_ms = found.due_at
    assert found.state is CallbackState.GIVEN_UP
    assert now_ms == ENDS_AT
    assert waits[0] == pytest.approx(30, rel=0.21)
    growth = [later / earlier for earlier, later in pairwise(waits[:10])]
    assert growth == pytest.approx([2.0] * 9)
    assert 12 <= len(waits) <= 16


def test_waits_are_bounded_and_jittered_by_a_fifth() -> None:
    assert doubled_s(1, 30, 1000, lambda: 0.0) == pytest.approx(24)
    assert doubled_s(1, 30, 1000, lambda: 0.9999) == pytest.approx(36, rel=0.01)
    assert doubled_s(500, 30, 1000, middle) == 1000


def test_retry_after_is_honoured_and_never_shortens_the_wait() -> None:
    assert tried(Answer(status=503, retry_after_s=300)).due_at == NOW_MS + 300_000
    assert tried(Answer(status=503, retry_after_s=1)).due_at == NOW_MS + 30_000


@pytest.mark.parametrize(
    ("value", "seconds"),
    [("", 0), ("120", 120), (" 7 ", 7), ("-3", 0), ("soon", 0), ("9" * 400, LONGEST_ASKED_S), ("1e9", 0)],
)
def test_retry_after_is_a_number_of_seconds(value: str, seconds: float) -> None:
    assert retry_after_s(value) == seconds


def test_retry_after_is_a_date() -> None:
    soon = datetime.now(UTC) + timedelta(seconds=100)
    assert 90 < retry_after_s(format_datetime(soon, usegmt=True)) <= 100
    assert retry_after_s(format_datetime(soon - timedelta(days=1), usegmt=True)) == 0


@pytest.mark.parametrize(
    ("result", "well"),
    [
        (Answer(status=200, heard=True), True),
        (Answer(status=404), True),
        (Answer(status=500), True),
        (Answer(status=429), False),
        (Answer(status=503), False),
        (Unavailable("no connection"), False),
    ],
)
def test_an_endpoint_is_ill_that_does_not_answer_or_asks_for_less(result: Result, well: bool) -> None:
    assert is_well(result) is well


def test_only_who_asks_for_less_is_given_a_pause() -> None:
    assert asked_ms(Answer(status=429, retry_after_s=2)) == 2000
    assert asked_ms(Answer(status=200, retry_after_s=2)) == 0
    assert asked_ms(Unavailable("no connection")) == 0


WAITS_S = (30, 60, 120, 240, 480, 960, 1920, 3840, 7680)
EXACTLY = Telling(waits_s=WAITS_S, attempts=10, holds_gone=False)


def test_exact_waits_are_kept_to_the_second_and_the_tenth_try_is_the_last() -> None:
    found = [tried(Answer(status=500), attempts=n, telling=EXACTLY, dice=lambda: 0.999) for n in range(1, 11)]
    waits = [(one.due_at or 0) - NOW_MS for one in found[:9]]
    assert waits == [wait * 1000 for wait in WAITS_S]
    assert {one.state for one in found[:9]} == {CallbackState.OWED}
    assert (found[9].state, found[9].due_at) == (CallbackState.GIVEN_UP, None)


def test_gone_is_a_failure_like_others_where_the_dialect_does_not_know_it() -> None:
    found = tried(Answer(status=410), telling=EXACTLY)
    assert (found.state, found.due_at) == (CallbackState.OWED, NOW_MS + 30_000)
