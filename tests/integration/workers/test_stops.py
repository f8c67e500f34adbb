"""What operators do to connections, as workers and the scheduler see it: pause, hold, drain, other rates."""

from functools import partial

import pytest

from broker.domain.message import Part, PartState
from broker.domain.status import Status
from broker.domain.usage import Rate, Stop
from broker.keyspace import keys
from broker.services import sweep
from broker.storage import accounts, lanes
from tests.integration.workers.carrier import Carrier, until
from tests.integration.workers.conftest import World
from tests.integration.workers.test_failover import (
    FIRST,
    SECOND,
    SENDER,
    backup,
    both,
    provide,
    running_backup,
    take,
    take_until,
    went,
)

__all__ = ["backup", "both", "running_backup"]


def stop(world: World, how: Stop) -> None:
    world.runtime.database.write(partial(accounts.pause, name=FIRST, now_ms=1, reason="works", how=how))
    world.runtime.directory.forget()


def resume(world: World) -> None:
    world.runtime.database.write(partial(accounts.resume, name=FIRST))
    world.runtime.directory.forget()


def rate(world: World, change: Rate) -> None:
    world.runtime.database.write(partial(accounts.set_rate, name=FIRST, change=change))
    world.runtime.directory.forget()


def left(world: World) -> int:
    return world.runtime.database.read(partial(lanes.unfinished, name=FIRST))


def test_what_a_connection_on_hold_is_to_carry_waits_for_it_though_there_is_another(
    both: World, carrier: Carrier, backup: Carrier
) -> None:
    stop(both, Stop.HOLD)
    ids = both.admit(3)
    take(both)
    for _ in range(3):
        sweep.sweep(both.runtime)
        both.release()
        take(both)
    assert {both.status(one) for one in ids} == {Status.QUEUED}
    assert both.runtime.lanes.depths([(FIRST, SENDER), (SECOND, SENDER)]) == [3, 0]
    assert (carrier.asked(), backup.asked()) == (0, 0)
    resume(both)
    for one in ids:
        take_until(both, one, Status.SUBMITTED)
    assert {attempt for one in ids for attempt in went(both, one)} == {(FIRST, "sent")}


def test_what_waits_goes_by_the_other_when_a_hold_becomes_a_pause(
    both: World, carrier: Carrier, backup: Carrier
) -> None:
    stop(both, Stop.HOLD)
    (one,) = both.admit()
    take(both)
    stop(both, Stop.PAUSE)
    take_until(both, one, Status.SUBMITTED)
    assert went(both, one) == [(SECOND, "sent")]
    assert carrier.asked() == 0


def test_a_connection_that_drains_finishes_what_it_was_given_and_is_given_no_more(
    world: World, carrier: Carrier, backup: Carrier
) -> None:
    world.provision(carrier, sender_mps=0.01)
    given = world.admit(3)
    take(world)
    provide(world, backup)
    assert left(world) == 3
    stop(world, Stop.DRAIN)
    (new,) = world.admit()
    take(world)
    assert went(world, new) == [(SECOND, "sent")]
    assert left(world) == 3
    rate(world, Rate())
    for one in given:
        take_until(world, one, Status.SUBMITTED)
    assert {attempt for one in given for attempt in went(world, one)} == {(FIRST, "sent")}
    assert left(world) == 0
    assert (len(carrier.tags()), len(backup.tags())) == (3, 1)


def test_media_is_not_prepared_for_a_connection_that_drains(
    both: World, carrier: Carrier, backup: Carrier
) -> None:
    stop(both, Stop.DRAIN)
    part = Part(index=1, name="a.png", content_type="image/png", state=PartState.PENDING, url="http://x/")
    (one,) = both.admit(parts=(part,))
    take(both)
    record = both.record(one).message
    assert (record.status, record.connection) == (Status.PREPARING, SECOND)
    assert carrier.asked() == backup.asked() == 0


def test_a_connection_that_drains_goes_on_where_there_is_no_other_way(world: World, carrier: Carrier) -> None:
    stop(world, Stop.DRAIN)
    ids = world.admit(2)
    (named,) = world.admit(connection=FIRST, pinned=True)
    take(world)
    assert {world.status(one) for one in (*ids, named)} == {Status.SUBMITTED}
    assert len(carrier.tags()) == 3


def test_a_connection_that_drains_is_used_again_while_the_other_may_not_be(
    both: World, carrier: Carrier, backup: Carrier
) -> None:
    stop(both, Stop.DRAIN)
    both.runtime.database.write(partial(accounts.pause, name=SECOND, now_ms=1, reason="works"))
    both.runtime.directory.forget()
    (one,) = both.admit()
    take(both)
    assert went(both, one) == [(FIRST, "sent")]
    assert backup.asked() == 0


@pytest.mark.parametrize("slow", [Rate(mps=0.001), Rate(sender_mps=0.001)], ids=["all", "each sender"])
def test_a_higher_rate_counts_at_once_for_what_waits_already(
    world: World, carrier: Carrier, slow: Rate
) -> None:
    rate(world, slow)
    ids = world.admit(3)
    take(world)
    assert world.release() == 1
    take(world)
    assert world.release() == 0, "the next slot is a quarter of an hour away"
    rate(world, Rate(mps=200, sender_mps=200))

    def gone() -> bool:
        world.release()
        take(world)
        return all(world.status(one) is Status.SUBMITTED for one in ids)

    until(gone, within_s=20)
    assert len(carrier.tags()) == 3


def test_a_lower_rate_puts_off_the_next_slot_that_a_higher_one_gave(world: World, carrier: Carrier) -> None:
    rate(world, Rate(sender_mps=0.1))
    world.admit(2)
    take(world)
    assert world.release() == 1
    before = int(world.redis.get(keys.pace(FIRST, SENDER)))
    rate(world, Rate(sender_mps=0.01))
    assert world.release() == 0
    after = int(world.redis.get(keys.pace(FIRST, SENDER)))
    assert 80e6 < after - before < 100e6
    assert abs(world.redis.zscore(keys.turns(FIRST), SENDER) * 1000 - after) < 1000


def test_another_rate_does_not_overrule_what_the_carrier_said(world: World, carrier: Carrier) -> None:
    rate(world, Rate(sender_mps=1))
    world.admit(2)
    take(world)
    world.release()
    world.runtime.lanes.slow(FIRST, SENDER, for_s=900)
    before = world.redis.get(keys.pace(FIRST, SENDER))
    rate(world, Rate(sender_mps=100))
    assert world.release() == 0
    assert world.redis.get(keys.pace(FIRST, SENDER)) == before


def test_without_a_rate_what_waited_for_its_slots_leaves_at_once(world: World, carrier: Carrier) -> None:
    rate(world, Rate(mps=0.001))
    ids = world.admit(4)
    take(world)
    rate(world, Rate())
    for one in ids:
        take_until(world, one, Status.SUBMITTED)
    assert len(carrier.tags()) == 4
