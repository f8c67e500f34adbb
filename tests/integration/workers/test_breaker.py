"""Circuit breakers: a carrier that is away is left alone by all workers, tried with a few, and used again."""

import asyncio
from collections.abc import Callable, Iterator

import pytest

from broker.dispatch import Queue
from broker.domain.status import Status
from broker.keyspace import keys
from broker.keyspace.breakers import Fuses
from broker.keyspace.circuits import OPENS_AFTER
from broker.keyspace.client import open_async
from broker.runtime import Runtime
from broker.services import submit, sweep
from tests.integration.workers.carrier import Carrier, until
from tests.integration.workers.conftest import World

NAME = "bandwidth-1"


def break_it(world: World, carrier: Carrier, **faults: object) -> list[str]:
    """Let so many submissions fail that the circuit opens; return the messages."""
    carrier.faults(**(faults or {"errors": {"503": 1}}))
    ids = world.admit(OPENS_AFTER)
    submit.take(world.runtime, Queue.SUBMIT)
    return ids


def let_the_pause_end(world: World) -> None:
    world.redis.hset(keys.breaker(NAME), "until", 1)


def take_until_all_are_sent(world: World, ids: list[str]) -> None:
    def all_sent() -> bool:
        sweep.sweep(world.runtime)
        world.release()
        submit.take(world.runtime, Queue.SUBMIT)
        return {world.status(one) for one in ids} == {Status.SUBMITTED}

    until(all_sent)


@pytest.fixture
def another(world: World) -> Iterator[Runtime]:
    """Another worker process's runtime over the same stores."""
    runtime = Runtime.open(world.settings)
    yield runtime
    runtime.close()


@pytest.mark.parametrize(
    "fault", [{"errors": {"503": 1}}, {"errors": {"500": 1}}, {"drop_before_accept": 1}], ids=str
)
def test_failures_in_a_row_open_the_circuit_and_what_waits_is_held(
    world: World, carrier: Carrier, fault: dict[str, object]
) -> None:
    break_it(world, carrier, **fault)
    tried = carrier.asked()
    held = world.admit(3)
    submit.take(world.runtime, Queue.SUBMIT)
    assert carrier.asked() == tried, "nobody calls a carrier that is away"
    assert {world.status(one) for one in held} == {Status.QUEUED}
    assert all(world.record(one).attempts == () for one in held), "holding costs no attempt"
    assert sorted(world.redis.zrange(keys.lane(NAME, "+12025550150"), 0, -1)) == sorted(held)
    assert world.release() == 0, "until the pause is over"
    let_the_pause_end(world)
    assert world.release() == len(held)


@pytest.mark.parametrize("status", ["400", "429"])
def test_refusals_do_not_open_it(world: World, carrier: Carrier, status: str) -> None:
    break_it(world, carrier, errors={status: 1})
    carrier.faults()
    (one,) = world.admit(originator="+12025550151")  # the other is slowed by a 429
    submit.take(world.runtime, Queue.SUBMIT)
    assert world.status(one) is Status.SUBMITTED
    assert not world.redis.exists(keys.breaker(NAME))


def test_a_success_between_failures_keeps_it_closed(world: World, carrier: Carrier) -> None:
    for _ in range(3):
        carrier.faults(next_statuses=[503] * (OPENS_AFTER - 1))
        world.admit(OPENS_AFTER - 1)
        submit.take(world.runtime, Queue.SUBMIT)
        (one,) = world.admit()
        submit.take(world.runtime, Queue.SUBMIT)
        assert world.status(one) is Status.SUBMITTED


def test_all_workers_know_of_it_also_one_that_was_just_started(
    world: World, carrier: Carrier, another: Runtime
) -> None:
    break_it(world, carrier)
    tried = carrier.asked()
    (held,) = world.admit()
    submit.take(another, Queue.SUBMIT)
    assert carrier.asked() == tried
    assert world.status(held) is Status.QUEUED


def test_after_the_pause_a_few_messages_try_and_while_they_fail_the_others_wait(
    world: World, carrier: Carrier
) -> None:
    break_it(world, carrier)
    tried = carrier.asked()
    let_the_pause_end(world)
    ids = world.admit(50)
    submit.take(world.runtime, Queue.SUBMIT)
    assert carrier.asked() == tried + OPENS_AFTER
    assert [world.status(one) for one in ids].count(Status.QUEUED) == 50 - OPENS_AFTER
    world.admit()
    submit.take(world.runtime, Queue.SUBMIT)
    assert carrier.asked() == tried + OPENS_AFTER, "a failed probe is followed by another pause"


def test_a_probe_that_succeeds_closes_it_without_a_hand(world: World, carrier: Carrier) -> None:
    ids = break_it(world, carrier) + world.admit(20)
    submit.take(world.runtime, Queue.SUBMIT)
    carrier.faults()
    take_until_all_are_sent(world, ids)
    assert not world.redis.exists(keys.breaker(NAME))


def test_a_probe_for_which_nothing_waits_is_given_back(world: World, carrier: Carrier) -> None:
    break_it(world, carrier)
    let_the_pause_end(world)
    world.runtime.ready.push(Queue.SUBMIT, ["00000000-0000-7000-8000-000000000000"])
    submit.take(world.runtime, Queue.SUBMIT)
    carrier.faults()
    (one,) = world.admit()
    submit.take(world.runtime, Queue.SUBMIT)
    assert world.status(one) is Status.SUBMITTED


def test_a_circuit_that_a_person_resets_lets_all_go_at_once(world: World, carrier: Carrier) -> None:
    ids = break_it(world, carrier) + world.admit(20)
    submit.take(world.runtime, Queue.SUBMIT)
    world.redis.hset(keys.breaker(NAME), "until", 2**50)
    carrier.faults()
    assert world.release() == 0

    async def reset() -> None:
        client = open_async(world.settings.redis_url, world.settings)
        await Fuses(client).reset(NAME)
        await client.aclose()

    asyncio.run(reset())
    take_until_all_are_sent(world, ids)


def test_a_group_is_a_probe_as_a_whole(world: World, carrier: Carrier) -> None:
    break_it(world, carrier)
    carrier.faults()
    let_the_pause_end(world)
    group = world.admit_group(OPENS_AFTER + 3)
    submit.take(world.runtime, Queue.SUBMIT)
    assert {world.status(one) for one in group} == {Status.SUBMITTED}
    assert len(carrier.tags()) == 1


def test_what_redis_lost_of_it_is_found_out_again(world: World, carrier: Carrier) -> None:
    ids = break_it(world, carrier)
    world.redis.flushdb()
    ids += world.admit(OPENS_AFTER)
    submit.take(world.runtime, Queue.SUBMIT)
    assert world.redis.hget(keys.breaker(NAME), "failures") == str(OPENS_AFTER)
    carrier.faults()
    take_until_all_are_sent(world, ids)


def test_what_is_known_of_it_lives_for_a_while_only(world: World, carrier: Carrier) -> None:
    break_it(world, carrier)
    assert 0 < world.redis.pttl(keys.breaker(NAME)) < 20 * 60_000
    let_the_pause_end(world)
    world.redis.persist(keys.breaker(NAME))
    world.runtime.breakers.ask([NAME])
    assert world.redis.pttl(keys.breaker(NAME)) > 0


def test_a_message_whose_media_must_be_prepared_is_no_probe(
    world: World, carrier: Carrier, make_parts: Callable[[], object]
) -> None:
    break_it(world, carrier)
    carrier.faults()
    let_the_pause_end(world)
    world.admit(OPENS_AFTER, parts=make_parts())
    (one,) = world.admit()
    submit.take(world.runtime, Queue.SUBMIT)
    assert world.status(one) is Status.SUBMITTED


@pytest.fixture
def make_parts() -> Callable[[], object]:
    from broker.domain.message import Part

    return lambda: (Part(index=1, url="http://media.example/a.jpg"),)
