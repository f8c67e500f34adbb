"""Lanes through takes: what a connection carries a second, in which order, and who need not wait."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest

from broker.dispatch import Queue
from broker.domain.message import Priority
from broker.domain.status import Event, Status
from broker.keyspace import keys
from broker.services import rebuilding, submit, sweep
from broker.storage import accounts, lanes, messages
from broker.storage.due import due
from broker.storage.messages import Fresh, Move
from tests.integration.workers.carrier import Carrier, until
from tests.integration.workers.conftest import World, new_message

NAME, SENDER, OTHER = "bandwidth-1", "+12025550150", "+12025550151"


def take(world: World) -> None:
    for queue in (Queue.SUBMIT_HIGH, Queue.SUBMIT):
        submit.take(world.runtime, queue)


def turn(world: World) -> None:
    """Do what the scheduler and the workers do."""
    world.release()
    take(world)


def sent(world: World, ids: list[str]) -> bool:
    return all(world.status(one) is Status.SUBMITTED for one in ids)


def in_lane(world: World, sender: str = SENDER) -> list[str]:
    return list(world.redis.zrange(keys.lane(NAME, sender), 0, -1))


def laned(world: World) -> dict[tuple[str, str], int]:
    return world.runtime.database.read(lanes.counts)


def test_what_a_paced_connection_is_to_carry_waits_in_its_lane_and_leaves_in_its_slots(
    world: World, carrier: Carrier
) -> None:
    world.provision(carrier, mps=40)
    ids = world.admit(5)
    take(world)
    assert carrier.tags() == []
    assert sorted(in_lane(world)) == sorted(ids)
    assert laned(world) == {(NAME, SENDER): 5}
    assert {world.status(one) for one in ids} == {Status.QUEUED}
    until(lambda: turn(world) or sent(world, ids))
    assert sorted(carrier.tags()) == sorted(f"{one}.1" for one in ids)
    assert laned(world) == {}
    assert not world.redis.exists(keys.lane(NAME, SENDER), keys.turns(NAME))
    assert world.redis.zcard(keys.outbox(Queue.SUBMIT)) == 0


def test_without_a_rate_a_message_is_claimed_by_its_first_take_and_no_lane_is_made(
    world: World, carrier: Carrier
) -> None:
    (one,) = world.admit()
    take(world)
    assert carrier.tags() == [f"{one}.1"]
    assert [event.type for event in world.record(one).events] == ["admit", "claim", "receipt"]
    assert world.redis.keys("lane:*") == world.redis.keys("turns:*") == world.redis.keys("pace:*") == []


def test_urgent_messages_overtake_those_that_wait_and_bulk_waits_for_all(
    world: World, carrier: Carrier
) -> None:
    world.provision(carrier, sender_mps=30)
    bulk = world.admit(2, priority=Priority.BULK)
    usual = world.admit(3)
    urgent = world.admit(2, priority=Priority.HIGH)
    take(world)
    until(lambda: world.release() == 0 and not in_lane(world))
    slots = world.redis.hgetall(keys.slots(Queue.SUBMIT)) | world.redis.hgetall(keys.slots(Queue.SUBMIT_HIGH))
    order = sorted(slots, key=lambda name: int(slots[name]))
    assert [set(order[:2]), set(order[2:5]), set(order[5:])] == [set(urgent), set(usual), set(bulk)]
    until(lambda: turn(world) or sent(world, order))
    assert len(carrier.tags()) == 7


def crowd(world: World, count: int) -> list[str]:
    """Record messages that wait for a slot, as a take does, from the oldest to the newest, and rebuild their lane."""
    started = datetime.now(UTC) - timedelta(hours=2)
    now_ms = world.runtime.ready.now_ms()
    ids = []
    for first in range(0, count, 5000):
        waiting = [
            new_message(created_at=started + timedelta(milliseconds=first + n))
            for n in range(min(5000, count - first))
        ]
        fresh = [
            Fresh(
                message=one,
                event=Event.TAKE,
                due_at=round(one.valid_until.timestamp() * 1000),
                laned_at=now_ms,
                connection=NAME,
            )
            for one in waiting
        ]
        world.runtime.database.write(partial(messages.add, fresh=fresh))
        ids += [one.id for one in waiting]
    rebuilding.rebuild(world.runtime, world.runtime.directory.look())
    return ids


def slots(world: World) -> dict[str, int]:
    """Return the slots that were given and not taken yet, in Unix µs."""
    given = (world.redis.hgetall(keys.slots(queue)) for queue in (Queue.SUBMIT_HIGH, Queue.SUBMIT))
    return {name: int(at) for found in given for name, at in found.items()}


@pytest.mark.timeout(400)
def test_an_urgent_message_behind_a_hundred_thousand_leaves_in_one_of_the_next_two_slots(
    world: World, carrier: Carrier
) -> None:
    world.provision(carrier, sender_mps=20)
    ids = crowd(world, 100_000)
    assert laned(world) == {(NAME, SENDER): 100_000}
    assert world.redis.zcard(keys.lane(NAME, SENDER)) == 100_000
    until(lambda: turn(world) or len(carrier.tags()) >= 10)
    sent_first = {tag.removesuffix(".1") for tag in carrier.tags()}
    assert sent_first == set(ids[: len(sent_first)]), "the crowd is on its way, by age"

    until(lambda: world.release() == 0)  # until it has the slots of the next moment
    before, came_us = slots(world), _now_us(world)
    (urgent,) = world.admit(priority=Priority.HIGH)
    submit.take(world.runtime, Queue.SUBMIT_HIGH)
    given_before = {name for name, at in before.items() if at > came_us}

    def given_since() -> dict[str, int]:
        return {name: at for name, at in slots(world).items() if name not in before}

    until(lambda: world.release() and len(given_since()) >= 2)
    since = given_since()
    assert len(given_before) <= 1
    assert min(since, key=lambda name: since[name]) == urgent, "it got the first that was given since it came"

    until(lambda: turn(world) or sent(world, [urgent]))
    tags = carrier.tags()
    assert tags.count(f"{urgent}.1") == 1
    assert laned(world) == {(NAME, SENDER): 100_001 - len(tags)}


def test_a_slot_is_not_used_twice_nor_late_and_its_message_goes_back_to_its_lane(
    world: World, carrier: Carrier
) -> None:
    world.provision(carrier, sender_mps=50)
    (one,) = world.admit()
    take(world)
    assert world.release() == 1
    assert world.runtime.ready.pop(Queue.SUBMIT, 10).ids == (one,)
    world.runtime.lanes.redeem(Queue.SUBMIT, [one])  # and then the worker died
    until(lambda: world.runtime.schedule.put_back(Queue.SUBMIT))
    take(world)
    assert carrier.tags() == []
    assert in_lane(world) == [one]
    until(lambda: turn(world) or sent(world, [one]))
    assert carrier.tags() == [f"{one}.1"]


def test_a_call_that_missed_its_slot_books_another(world: World, carrier: Carrier) -> None:
    world.provision(carrier, sender_mps=50)
    (one,) = world.admit()
    take(world)
    world.release()
    world.redis.hincrby(keys.slots(Queue.SUBMIT), one, -995_000)  # over in a moment: sooner than SQL commits
    world.redis.set(keys.pace(NAME, SENDER), _now_us(world) + 300_000)
    started = time.monotonic()
    until(lambda: turn(world) or sent(world, [one]))
    assert time.monotonic() - started > 0.25
    assert carrier.tags() == [f"{one}.1"]


def _now_us(world: World) -> int:
    seconds, micros = world.redis.time()
    return int(seconds) * 1_000_000 + int(micros)


def test_an_answer_429_slows_its_sender_for_as_long_as_the_carrier_says_and_nobody_else(
    world: World, carrier: Carrier
) -> None:
    carrier.faults(next_statuses=[429], retry_after_s=600)
    (refused,) = world.admit()
    take(world)
    assert world.status(refused) is Status.RETRYING
    slowed, others = world.admit(3), world.admit(3, originator=OTHER)
    take(world)
    assert {world.status(one) for one in slowed} == {Status.QUEUED}
    assert sent(world, others), "on the direct path"
    assert sorted(in_lane(world)) == sorted(slowed)
    assert world.release() == 0
    left_us = int(world.redis.get(keys.pace(NAME, SENDER))) - _now_us(world)
    assert 590e6 < left_us <= 600e6
    world.redis.delete(keys.pace(NAME, SENDER))
    world.redis.zadd(keys.turns(NAME), {SENDER: 0})
    until(lambda: turn(world) or sent(world, slowed))
    (later,) = world.admit()
    take(world)
    assert sent(world, [later]), "the lane is empty and the time over: the direct path again"


@pytest.mark.parametrize("stop", [accounts.hold, accounts.pause], ids=["held", "paused"])
def test_what_waits_for_a_stopped_connection_waits_in_lanes_and_flows_when_that_ends(
    world: World, carrier: Carrier, stop: Callable[..., Any]
) -> None:
    world.runtime.database.write(lambda sql: stop(sql, NAME, now_ms=1, reason="tests"))
    world.runtime.directory.forget()
    ids = world.admit(5)
    take(world)
    assert sorted(in_lane(world)) == sorted(ids)
    soon_ms = _now_us(world) // 1000 + 60_000
    found = world.runtime.database.read(lambda sql: due(sql, soon_ms, limit=9))
    assert found == [], "nobody looks at them again and again"
    assert world.release() == 0
    world.runtime.database.write(lambda sql: accounts.resume(sql, NAME))
    world.runtime.directory.forget()
    until(lambda: turn(world) or sent(world, ids))
    assert len(carrier.tags()) == 5


def test_a_pause_outlives_provisioning_and_the_hold_of_bad_credentials(
    world: World, carrier: Carrier
) -> None:
    write = world.runtime.database.write
    assert write(lambda sql: accounts.pause(sql, NAME, now_ms=1, reason="a person says so"))
    assert not write(lambda sql: accounts.pause(sql, "nobody", now_ms=1, reason="no such connection"))
    world.provision(carrier, mps=100)
    sweep.sweep(world.runtime)
    assert world.runtime.database.read(accounts.paces) == []


def test_a_stopped_connection_does_not_delay_another(world: World, carrier: Carrier) -> None:
    world.provision(carrier, name="bandwidth-2", senders=[OTHER])
    world.runtime.database.write(lambda sql: accounts.pause(sql, NAME, now_ms=1, reason="tests"))
    world.runtime.directory.forget()
    held = world.admit(50)
    free = world.admit(3, originator=OTHER)
    take(world)
    assert sent(world, free)
    assert {world.status(one) for one in held} == {Status.QUEUED}


def test_retries_and_scheduled_messages_pass_the_same_lane(world: World, carrier: Carrier) -> None:
    world.provision(carrier, sender_mps=30)
    carrier.faults(next_statuses=[503])
    (again,) = world.admit()
    (later,) = world.admit(send_at=datetime.now(UTC) + timedelta(milliseconds=300))
    take(world)
    until(lambda: turn(world) or world.status(again) is Status.RETRYING)
    until(lambda: world.runtime.schedule.move_due(Queue.SUBMIT) and take(world) is None and in_lane(world))

    def both() -> bool:
        world.runtime.schedule.move_due(Queue.SUBMIT)
        turn(world)
        return sent(world, [again, later])

    until(both)
    assert sorted(carrier.tags()) == sorted([f"{again}.2", f"{later}.1"])
    assert laned(world) == {}


def test_a_group_waits_as_one_and_takes_a_slot_for_each_recipient(world: World, carrier: Carrier) -> None:
    world.provision(carrier, mps=20)
    ids = world.admit_group(3)
    take(world)
    assert in_lane(world) == [ids[0]]
    assert laned(world) == {(NAME, SENDER): 1}
    assert world.redis.zscore(keys.lane(NAME, SENDER), ids[0]) % 512 == 3
    until(lambda: turn(world) or sent(world, ids))
    assert len(carrier.tags()) == 1


@pytest.mark.parametrize(("unit", "price"), [("messages", 1), ("segments", 3)])
def test_a_connection_says_whether_messages_or_segments_count(
    world: World, carrier: Carrier, unit: str, price: int
) -> None:
    world.provision(carrier, mps=20, mps_unit=unit)
    (one,) = world.admit(text="x" * 400)
    take(world)
    assert world.redis.zscore(keys.lane(NAME, SENDER), one) % 512 == price


def test_what_expires_in_a_lane_leaves_it_and_takes_no_slot(world: World, carrier: Carrier) -> None:
    world.provision(carrier, sender_mps=0.01)
    ids = world.admit(3, valid_until=datetime.now(UTC) + timedelta(milliseconds=500))
    take(world)
    assert len(in_lane(world)) == 3

    def expired() -> bool:
        sweep.sweep(world.runtime)
        return {world.status(one) for one in ids} == {Status.EXPIRED}

    until(expired)
    assert in_lane(world) == []
    assert world.release() == 0


def test_what_was_cancelled_is_taken_out_of_its_lane(world: World, carrier: Carrier) -> None:
    world.provision(carrier, sender_mps=0.01)
    ids = world.admit(5)
    take(world)
    now = datetime.now(UTC)
    moves = [Move(id=one, event=Event.CANCEL, at=now, key="cancel") for one in ids[:4]]
    world.runtime.database.write(lambda sql: messages.move(sql, moves))
    rebuilding.rebuild(world.runtime, world.runtime.directory.look())
    assert in_lane(world) == ids[4:]


def test_a_message_that_is_cancelled_with_a_slot_is_not_sent(world: World, carrier: Carrier) -> None:
    world.provision(carrier, sender_mps=50)
    (one,) = world.admit()
    take(world)
    world.release()
    move = Move(id=one, event=Event.CANCEL, at=datetime.now(UTC), key="cancel")
    world.runtime.database.write(lambda sql: messages.move(sql, [move]))
    take(world)
    assert carrier.tags() == []
    assert world.redis.zcard(keys.outbox(Queue.SUBMIT)) == 0


@pytest.mark.parametrize(
    "lost", ["lane:*", "turns:*", "pace:*", "slots:*", "detours", "schedule:*", "due:*", "*"]
)
def test_whatever_redis_loses_of_lanes_is_rebuilt_from_sql(world: World, carrier: Carrier, lost: str) -> None:
    world.provision(carrier, sender_mps=40)
    ids = world.admit(6, priority=Priority.BULK) + world.admit(6, originator=OTHER)
    take(world)
    order = [in_lane(world), in_lane(world, OTHER)]
    world.redis.delete(*(world.redis.keys(lost) or ["nothing"]))
    rebuilding.rebuild(world.runtime, world.runtime.directory.look())
    assert [in_lane(world), in_lane(world, OTHER)] == order
    until(lambda: turn(world) or sent(world, ids))
    assert sorted(carrier.tags()) == sorted(f"{one}.1" for one in ids)


def test_a_rebuild_does_not_enter_what_is_on_its_way_to_a_worker(world: World, carrier: Carrier) -> None:
    world.provision(carrier, sender_mps=40)
    (one,) = world.admit()
    take(world)
    world.release()
    rebuilding.rebuild(world.runtime, world.runtime.directory.look())
    assert in_lane(world) == []
    take(world)
    assert carrier.tags() == [f"{one}.1"]


def test_a_sweep_compares_lanes_with_sql_by_itself(world: World, carrier: Carrier) -> None:
    world.provision(carrier, sender_mps=0.01)
    ids = world.admit(3)
    take(world)
    world.redis.delete(keys.lane(NAME, SENDER), keys.turns(NAME))
    sweep.sweep(world.runtime)
    assert sorted(in_lane(world)) == sorted(ids)


def test_a_message_that_its_take_recorded_and_did_not_enter_finds_its_lane(
    world: World, carrier: Carrier
) -> None:
    world.provision(carrier, sender_mps=0.01)
    (one,) = world.admit()
    take(world)
    world.redis.delete(keys.lane(NAME, SENDER), keys.turns(NAME))  # its worker died before it came so far
    world.redis.lpush(keys.ready(Queue.SUBMIT), one)
    take(world)
    assert in_lane(world) == [one]
    assert carrier.tags() == []


def test_a_slow_carrier_does_not_keep_a_take_from_the_messages_of_others(
    open_world: Callable[..., World], carrier: Carrier
) -> None:
    world = open_world(take_wait_s=0.2, window=3, submit_timeout_s=30)
    world.provision(carrier, name="bandwidth-2", senders=[OTHER], base_url="http://127.0.0.1:9/api/v2")
    carrier.faults(latency_ms=6_000)
    slow = world.admit(3)
    take(world)
    assert {world.status(one) for one in slow} == {Status.SUBMITTING}, "they are not waited for"
    more = world.admit(2)
    other = world.admit(2, originator=OTHER)
    take(world)
    assert {world.status(one) for one in more} == {Status.QUEUED}, "as much is in flight as may be"
    assert sorted(in_lane(world)) == sorted(more)
    assert world.release() == 0, "for the moment"
    until(lambda: {world.status(one) for one in other} == {Status.RETRYING})
    assert {world.status(one) for one in slow} == {Status.SUBMITTING}
    until(lambda: sent(world, slow))
    carrier.faults()
    until(lambda: turn(world) or sent(world, more))
    assert len(carrier.tags()) == 5
