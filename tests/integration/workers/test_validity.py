"""Nothing leaves after its validity, whichever way it came to wait."""

from datetime import UTC, datetime, timedelta

import pytest

from broker.dispatch import Queue
from broker.domain.message import Part, PartState, Priority
from broker.domain.status import Status
from broker.services import media, submit, sweep
from tests.integration.workers.carrier import Carrier, until
from tests.integration.workers.conftest import World

VALID_S = 1.5
QUEUES = (Queue.SUBMIT_HIGH, Queue.SUBMIT)


@pytest.fixture
def soon() -> datetime:
    """When the messages of a test end to be valid."""
    return datetime.now(UTC) + timedelta(seconds=VALID_S)


def pass_by(end: datetime) -> None:
    """Let a moment pass."""
    until(lambda: datetime.now(UTC) > end)


def work(world: World) -> None:
    """Do all that workers and the scheduler do in a turn."""
    for queue in QUEUES:
        world.runtime.schedule.move_due(queue)
        world.runtime.schedule.put_back(queue)
        submit.take(world.runtime, queue)
    media.take(world.runtime)
    sweep.sweep(world.runtime)


def ends(world: World, message_id: str) -> Status:
    """Work until a message is at an end, and return which."""

    def turn() -> Status | None:
        work(world)
        status = world.status(message_id)
        return status if status in {Status.EXPIRED, Status.FAILED, Status.REJECTED} else None

    found = until(turn)
    assert isinstance(found, Status)
    return found


@pytest.mark.parametrize("priority", Priority)
def test_one_that_nobody_took_in_time_expires(
    world: World, carrier: Carrier, soon: datetime, priority: Priority
) -> None:
    (one,) = world.admit(valid_until=soon, priority=priority)
    pass_by(soon)
    assert ends(world, one) is Status.EXPIRED
    assert not world.record(one).attempts, "no try was begun"
    assert carrier.tags() == []


def test_one_for_later_that_was_not_sent_in_time_expires(
    world: World, carrier: Carrier, soon: datetime
) -> None:
    (one,) = world.admit(send_at=datetime.now(UTC) + timedelta(seconds=VALID_S / 2), valid_until=soon)
    submit.take(world.runtime, Queue.SUBMIT)
    assert world.status(one) is Status.SCHEDULED
    pass_by(soon)
    assert ends(world, one) is Status.EXPIRED
    assert not world.record(one).attempts
    assert carrier.tags() == []


def test_one_that_is_tried_again_is_not_tried_after_it(
    world: World, carrier: Carrier, soon: datetime
) -> None:
    carrier.faults(errors={"503": 1.0})
    (one,) = world.admit(valid_until=soon)
    submit.take(world.runtime, Queue.SUBMIT)
    assert world.status(one) is Status.RETRYING
    pass_by(soon)
    carrier.faults(errors={})
    assert ends(world, one) is Status.EXPIRED
    assert carrier.tags() == []


def test_one_whose_answer_was_lost_is_not_sent_again_after_it(
    world: World, carrier: Carrier, soon: datetime
) -> None:
    carrier.faults(accept_then_drop=1.0)
    (one,) = world.admit(valid_until=soon)
    submit.take(world.runtime, Queue.SUBMIT)
    assert world.status(one) is Status.UNKNOWN
    pass_by(soon)
    carrier.faults()
    assert ends(world, one) is Status.EXPIRED
    assert [tag.rpartition(".")[2] for tag in carrier.tags()] in ([], ["1"])


def test_one_whose_media_came_too_late_expires(world: World, carrier: Carrier, soon: datetime) -> None:
    part = Part(index=1, state=PartState.PENDING, url="http://127.0.0.1:9/a.gif")
    (one,) = world.admit(valid_until=soon, parts=(part,))
    submit.take(world.runtime, Queue.SUBMIT)
    assert world.status(one) is Status.PREPARING
    pass_by(soon)
    assert ends(world, one) in {Status.EXPIRED, Status.REJECTED}
    assert carrier.tags() == []


def test_a_group_expires_whole(world: World, carrier: Carrier, soon: datetime) -> None:
    carrier.faults(errors={"503": 1.0})
    ids = world.admit_group(3, valid_until=soon)
    submit.take(world.runtime, Queue.SUBMIT)
    pass_by(soon)
    carrier.faults(errors={})
    assert [ends(world, one) for one in ids] == [Status.EXPIRED] * 3
    assert carrier.tags() == []
