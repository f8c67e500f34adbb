"""Nobody is disturbed in an account's quiet hours, whatever the reason a message leaves for."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from broker.dispatch import Queue
from broker.domain.message import Message, Priority
from broker.domain.status import Status
from broker.keyspace import keys
from broker.services import submit, sweep
from broker.storage import provision
from tests.integration.workers.carrier import Carrier, until
from tests.integration.workers.conftest import World

WASHINGTON = ZoneInfo("America/New_York")
SENDER = "+12025550150"


def around_now(before: timedelta, after: timedelta) -> str:
    """Return hours that began some time ago and end in some time, where the recipients are."""
    now = datetime.now(WASHINGTON)
    return f"{now - before:%H:%M}-{now + after:%H:%M}"


NOW = around_now(timedelta(hours=1), timedelta(hours=3))
LATER = around_now(-timedelta(hours=3), timedelta(hours=6))


@pytest.fixture
def quiet(world: World) -> Callable[[str | None], None]:
    """Give the account quiet hours, or none."""

    def provide(hours: str | None) -> None:
        document = {"accounts": [{"name": "acme", "senders": [SENDER], "quiet_hours": hours}]}
        world.runtime.database.write(lambda sql: provision.apply(sql, document, secret_key="x"))
        world.runtime.directory.forget()

    return provide


def message(world: World, name: str) -> Message:
    return world.record(name).message


def due_at(world: World, name: str, queue: Queue = Queue.SUBMIT) -> datetime:
    """Return when the schedule brings a message back, where its recipient is."""
    found = world.redis.zrange(keys.schedule(queue), 0, -1, withscores=True)
    (score,) = (score for entry, score in found if entry.split()[0] == name)
    return datetime.fromtimestamp(score / 1000, tz=WASHINGTON)


def test_a_message_in_quiet_hours_is_scheduled_for_their_end(
    world: World, carrier: Carrier, quiet: Callable[[str | None], None]
) -> None:
    quiet(NOW)
    (one,) = world.admit()
    submit.take(world.runtime, Queue.SUBMIT)
    assert carrier.tags() == []
    assert world.status(one) is Status.SCHEDULED
    assert f"{due_at(world, one):%H:%M}" == NOW[-5:]


def test_outside_of_them_it_leaves_at_once(
    world: World, carrier: Carrier, quiet: Callable[[str | None], None]
) -> None:
    quiet(LATER)
    (one,) = world.admit()
    submit.take(world.runtime, Queue.SUBMIT)
    assert carrier.tags() == [f"{one}.1"]


def test_an_urgent_message_leaves_at_once(
    world: World, carrier: Carrier, quiet: Callable[[str | None], None]
) -> None:
    quiet(NOW)
    (one,) = world.admit(priority=Priority.HIGH)
    submit.take(world.runtime, Queue.SUBMIT_HIGH)
    assert carrier.tags() == [f"{one}.1"]


def test_a_message_for_later_waits_for_the_end_of_the_quiet_hours_it_would_leave_in(
    world: World, quiet: Callable[[str | None], None]
) -> None:
    quiet(LATER)
    (one,) = world.admit(send_at=datetime.now(UTC) + timedelta(hours=4))
    submit.take(world.runtime, Queue.SUBMIT)
    assert world.status(one) is Status.SCHEDULED
    assert f"{due_at(world, one):%H:%M}" == LATER[-5:]


def test_a_retry_that_falls_into_quiet_hours_waits_for_their_end(
    world: World, carrier: Carrier, quiet: Callable[[str | None], None]
) -> None:
    carrier.faults(errors={"503": 1.0})
    (one,) = world.admit()
    submit.take(world.runtime, Queue.SUBMIT)
    assert world.status(one) is Status.RETRYING
    quiet(NOW)
    carrier.faults(errors={})
    tried = len(carrier.tags())
    until(lambda: world.runtime.schedule.move_due(Queue.SUBMIT))
    submit.take(world.runtime, Queue.SUBMIT)
    assert len(carrier.tags()) == tried
    assert world.status(one) is Status.RETRYING
    assert f"{due_at(world, one):%H:%M}" == NOW[-5:]
    quiet(None)
    world.runtime.ready.push(Queue.SUBMIT, [one])
    submit.take(world.runtime, Queue.SUBMIT)
    assert len(carrier.tags()) == tried, "it is not due before their end"


def test_a_message_with_less_validity_than_the_quiet_hours_last_expires_unsent(
    world: World, carrier: Carrier, quiet: Callable[[str | None], None]
) -> None:
    quiet(NOW)
    (one,) = world.admit(valid_until=datetime.now(UTC) + timedelta(seconds=0.5))
    submit.take(world.runtime, Queue.SUBMIT)
    assert world.status(one) is Status.SCHEDULED

    def is_over() -> bool:
        sweep.sweep(world.runtime)
        return world.status(one) is Status.EXPIRED

    until(is_over)
    assert carrier.tags() == []


def test_a_group_waits_until_nobody_in_it_is_disturbed(
    world: World, carrier: Carrier, quiet: Callable[[str | None], None]
) -> None:
    quiet(NOW)
    ids = world.admit_group(3)
    submit.take(world.runtime, Queue.SUBMIT)
    assert {world.status(one) for one in ids} == {Status.SCHEDULED}
    assert world.redis.zcard(keys.schedule(Queue.SUBMIT)) == 1
    assert carrier.tags() == []
