"""The steps of a message, in order, with the gaps."""

from datetime import timedelta

from broker.console.timeline import timeline
from broker.domain.record import Attempt, Happening, Record
from broker.domain.status import Event, Status
from broker.services.browse import Whole
from tests.factories import NOW, make_message


def whole(*events: Happening, attempts: tuple[Attempt, ...] = ()) -> Whole:
    record = Record(message=make_message(), updated_at=NOW, events=events, attempts=attempts)
    return Whole(record=record, said=(), told=(), letter=None, units=1, prepaid=False)


def after(seconds: float, event: Event, status: Status | None, detail: str = "") -> Happening:
    return Happening(at=NOW + timedelta(seconds=seconds), type=event, status=status, detail=detail)


def test_steps_are_in_order_and_a_long_wait_is_drawn() -> None:
    steps = timeline(
        whole(
            after(5, Event.DELIVER, Status.DELIVERED),
            after(0, Event.ADMIT, Status.ACCEPTED),
            after(0.5, Event.RECEIPT, Status.SUBMITTED),
        )
    )
    assert [(step.what, step.after_s, step.gap_s) for step in steps] == [
        ("accepted", 0.0, 0.0),
        ("submitted", 0.5, 0.0),
        ("delivered", 5.0, 4.5),
    ]


def test_news_that_moved_nothing_says_so() -> None:
    (step,) = timeline(whole(after(0, Event.DELIVER, None, "late")))
    assert (step.what, step.text, step.tone) == ("deliver", "late (changed nothing)", "off")


def test_an_attempt_that_was_taken_is_nothing_odd_and_one_that_was_not_is() -> None:
    def attempt(number: int, outcome: str, status: int | None) -> Attempt:
        ended = NOW + timedelta(milliseconds=134)
        return Attempt(
            number=number,
            connection="b-1",
            started_at=NOW,
            ended_at=ended,
            outcome=outcome,
            http_status=status,
        )

    steps = timeline(whole(attempts=(attempt(1, "not_sent", None), attempt(2, "sent", 202))))
    ended = {step.what: (step.text, step.tone) for step in steps if " ms" in step.text}
    assert ended == {
        "attempt 1": ("not sent in 134 ms", "odd"),
        "attempt 2": ("sent, HTTP 202 in 134 ms", ""),
    }
