"""Messages that are due at the same instant, from the door to the carrier."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from broker.dispatch import Queue
from broker.domain.status import Status
from broker.keyspace import keys
from broker.services import submit, sweep
from tests.integration.workers.carrier import Carrier, until
from tests.integration.workers.conftest import World

OTHER = "+12025550151"
CROWD = 60


def scheduled(world: World) -> tuple[list[str], str]:
    """Have a crowd of one sender's messages, and one of another's, wait for the same instant."""
    soon = datetime.now(UTC) + timedelta(seconds=1)
    crowd = world.admit(CROWD, send_at=soon)
    (one,) = world.admit(originator=OTHER, send_at=soon)
    until(lambda: submit.take(world.runtime, Queue.SUBMIT) or not world.runtime.ready.fresh(Queue.SUBMIT))
    assert {world.status(name) for name in [*crowd, one]} == {Status.SCHEDULED}
    return crowd, one


def test_one_message_goes_out_with_the_first_of_a_crowd_that_is_due_with_it(
    open_world: Callable[..., World], carrier: Carrier
) -> None:
    world = open_world(take_size=10)
    _, one = scheduled(world)
    until(lambda: world.runtime.schedule.move_due(Queue.SUBMIT))
    submit.take(world.runtime, Queue.SUBMIT)
    until(lambda: f"{one}.1" in carrier.tags())
    assert len(carrier.tags()) <= 10


def test_what_takes_turns_and_is_lost_by_redis_is_found_by_the_sweep(world: World, carrier: Carrier) -> None:
    crowd, one = scheduled(world)
    until(lambda: world.runtime.schedule.move_due(Queue.SUBMIT))
    world.redis.delete(keys.due(Queue.SUBMIT), keys.due_rounds(Queue.SUBMIT), keys.ready(Queue.SUBMIT))

    def all_sent() -> bool:
        sweep.sweep(world.runtime)
        submit.take(world.runtime, Queue.SUBMIT)
        return len(carrier.tags()) == CROWD + 1

    until(all_sent)
    assert sorted(carrier.tags()) == sorted(f"{name}.1" for name in [*crowd, one])
