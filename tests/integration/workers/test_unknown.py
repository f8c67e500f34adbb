"""A lost answer: evidence settles it, early or late; without any the account's policy does, and the record says so."""

from collections.abc import Callable

import pytest

from broker.dispatch import Queue
from broker.domain.status import Status
from broker.services import events, submit, sweep
from tests.integration.workers.carrier import Carrier, until
from tests.integration.workers.conftest import World
from tests.integration.workers.test_events import arrive, delivered


def lose(world: World, carrier: Carrier, **changes: object) -> str:
    """Admit a message whose answer is lost after the carrier has it."""
    carrier.faults(accept_then_drop=1)
    (one,) = world.admit(**changes)
    submit.take(world.runtime, Queue.SUBMIT)
    carrier.faults()
    return one


def tell(world: World, body: bytes) -> None:
    arrive(world.settings, body)
    events.take(world.runtime)


def resent(world: World, one: str) -> None:
    """Let the policy decide on a second attempt, and make it."""

    def is_sent() -> bool:
        sweep.sweep(world.runtime)
        world.release()
        submit.take(world.runtime, Queue.SUBMIT)
        return world.status(one) is Status.SUBMITTED

    until(is_sent)


def test_it_is_held_for_evidence_before_the_policy_decides(
    open_world: Callable[..., World], carrier: Carrier
) -> None:
    world = open_world(unknown_hold_s=3600)
    one = lose(world, carrier)
    for _ in range(3):
        sweep.sweep(world.runtime)
        submit.take(world.runtime, Queue.SUBMIT)
    assert world.status(one) is Status.UNKNOWN
    assert carrier.tags() == [f"{one}.1"]


@pytest.mark.parametrize("failed", [None, 4720], ids=["delivered", "failed"])
def test_evidence_settles_it_and_nothing_is_sent_again(
    open_world: Callable[..., World], carrier: Carrier, failed: int | None
) -> None:
    world = open_world(unknown_hold_s=3600)
    one = lose(world, carrier)
    tell(world, delivered(one, failed=failed))
    assert world.status(one) is (Status.DELIVERED if failed is None else Status.UNDELIVERED)
    sweep.sweep(world.runtime)
    submit.take(world.runtime, Queue.SUBMIT)
    assert carrier.tags() == [f"{one}.1"]
    assert not world.record(one).message.possible_duplicate


def test_evidence_that_comes_once_the_resend_is_decided_stops_it(world: World, carrier: Carrier) -> None:
    one = lose(world, carrier)
    until(lambda: sweep.sweep(world.runtime) or world.status(one) is Status.RETRYING)
    tell(world, delivered(one))
    submit.take(world.runtime, Queue.SUBMIT)
    assert world.status(one) is Status.DELIVERED
    assert carrier.tags() == [f"{one}.1"]


def test_evidence_of_the_first_attempt_after_the_second_counts_and_the_repeat_shows(
    world: World, carrier: Carrier
) -> None:
    one = lose(world, carrier)
    resent(world, one)
    tell(world, delivered(one, attempt=1))
    record = world.record(one)
    assert record.message.status is Status.DELIVERED
    assert record.message.possible_duplicate
    assert [attempt.outcome for attempt in record.attempts] == ["unknown", "sent"]


def test_a_failure_of_the_first_attempt_does_not_end_the_second(world: World, carrier: Carrier) -> None:
    one = lose(world, carrier)
    resent(world, one)
    tell(world, delivered(one, attempt=1, failed=4720))
    assert world.status(one) is Status.SUBMITTED
    tell(world, delivered(one, attempt=2))
    assert world.status(one) is Status.DELIVERED


def test_what_is_stopped_for_a_person_says_why_and_late_evidence_corrects_it(
    world: World, carrier: Carrier
) -> None:
    one = lose(world, carrier, account="stopper")
    until(lambda: sweep.sweep(world.runtime) or world.status(one, "stopper") is Status.FAILED)
    assert world.record(one, "stopper").events[-1].detail == (
        "the carrier's answer was lost; it may have been sent"
    )
    submit.take(world.runtime, Queue.SUBMIT)
    tell(world, delivered(one))
    record = world.record(one, "stopper")
    assert record.message.status is Status.DELIVERED
    assert record.events[-1].detail.startswith("late")
    assert carrier.tags() == [f"{one}.1"]


def test_evidence_of_one_of_a_group_is_evidence_of_all(world: World, carrier: Carrier) -> None:
    carrier.faults(accept_then_drop=1)
    ids = world.admit_group(3)
    submit.take(world.runtime, Queue.SUBMIT)
    carrier.faults()
    assert {world.status(one) for one in ids} == {Status.UNKNOWN}
    batch = world.record(ids[0]).message.batch or ""
    tell(world, delivered(batch, to="+12025550101"))
    assert [world.status(one) for one in ids] == [Status.SUBMITTED, Status.DELIVERED, Status.SUBMITTED]
    sweep.sweep(world.runtime)
    submit.take(world.runtime, Queue.SUBMIT)
    assert carrier.tags() == [f"{batch}.1"]
    tell(world, delivered(batch, to="+12025550102"))
    assert world.status(ids[2]) is Status.DELIVERED
    assert not world.record(ids[2]).message.possible_duplicate
