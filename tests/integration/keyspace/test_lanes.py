"""Lanes on a real server: who goes when, and never faster than the rates."""

import itertools
import time
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from broker.dispatch import Queue
from broker.domain.message import Priority
from broker.keyspace import keys
from broker.keyspace.client import Sync, open_sync
from broker.keyspace.lanes import Lanes, Place, detour_of, score_of
from broker.keyspace.ready import Ready
from broker.keyspace.releasing import AHEAD_S, LATE_S, MOST_AT_ONCE, Pace, Releasing
from broker.keyspace.schedule import Schedule
from broker.settings import Settings

CONNECTION, SENDER, OTHER = "bandwidth-1", "+12025550150", "+12025550151"
PLAIN = Pace(connection=CONNECTION)


@pytest.fixture
def client(settings: Settings) -> Iterator[Sync]:
    with open_sync(settings.redis_url, settings) as opened:
        yield opened


@pytest.fixture
def lanes(client: Sync) -> Lanes:
    return Lanes(client)


@pytest.fixture
def releasing(client: Sync) -> Releasing:
    return Releasing(client, rings=8)


def place(name: str, sender: str = SENDER, priority: Priority = Priority.NORMAL, **changes: Any) -> Place:
    usual: dict[str, Any] = {"since_ms": 1_795_000_000_000, "price": 1, **changes}
    return Place(id=name, connection=CONNECTION, sender=sender, score=score_of(priority, **usual))


def ready(client: Sync, queue: Queue = Queue.SUBMIT) -> list[str]:
    """Return what waits for a take, in the order in which it is popped."""
    found: Any = client.lrange(keys.ready(queue), 0, -1)
    return [one.decode() for one in reversed(found)]


def slots(client: Sync) -> dict[str, int]:
    found: dict[Any, Any] = {}
    for queue in (Queue.SUBMIT_HIGH, Queue.SUBMIT):
        found |= client.hgetall(keys.slots(queue))  # type: ignore[operator]  # sync client
    return {name.decode(): int(at) for name, at in found.items()}


def slot_order(client: Sync) -> list[str]:
    given = slots(client)
    return sorted(given, key=lambda name: given[name])


def test_a_lane_is_served_by_priority_and_then_by_age(
    client: Sync, lanes: Lanes, releasing: Releasing
) -> None:
    lanes.add(
        [
            place("bulk", priority=Priority.BULK, since_ms=1),
            place("young", since_ms=3),
            place("old", since_ms=2),
            place("urgent", priority=Priority.HIGH, since_ms=9, price=511),
        ],
        now_ms=0,
    )
    pace = Pace(connection=CONNECTION, sender_mps=1000)
    assert releasing.release([pace]) == 1
    until_none(releasing, pace)
    assert slot_order(client) == ["urgent", "old", "young", "bulk"]
    assert ready(client, Queue.SUBMIT_HIGH) == ["urgent"]


def until_none(releasing: Releasing, pace: Pace, within_s: float = 20) -> None:
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        releasing.release([pace])
        if not releasing._client.exists(keys.turns(pace.connection)):
            return
        time.sleep(0.01)
    raise AssertionError("something still waits")


def test_senders_of_a_connection_are_served_in_turn_however_much_one_of_them_has(
    client: Sync, lanes: Lanes, releasing: Releasing
) -> None:
    lanes.add([place(f"loud-{n:03}") for n in range(500)], now_ms=0)
    lanes.add([place(f"quiet-{n}", sender=OTHER) for n in range(5)], now_ms=0)
    releasing.release([Pace(connection=CONNECTION, mps=1000)])
    order = slot_order(client)
    assert {"quiet-0", "quiet-1", "quiet-2", "quiet-3", "quiet-4"} <= set(order[:11]), order


def test_a_message_of_several_segments_takes_as_many_slots(
    client: Sync, lanes: Lanes, releasing: Releasing
) -> None:
    lanes.add([place("a", price=3, since_ms=1), place("b", since_ms=2), place("c", since_ms=3)], now_ms=0)
    pace = Pace(connection=CONNECTION, mps=50)
    until_none(releasing, pace)
    given = slots(client)
    assert given["b"] - given["a"] >= 60_000
    assert given["c"] - given["b"] >= 20_000


def test_a_connection_without_rates_lets_everything_go_at_once(
    client: Sync, lanes: Lanes, releasing: Releasing
) -> None:
    lanes.add([place(f"{n}") for n in range(MOST_AT_ONCE + 50)], now_ms=0, detours=[CONNECTION])
    assert releasing.release([PLAIN]) == MOST_AT_ONCE + 50
    assert client.exists(keys.turns(CONNECTION), keys.detours()) == 0, "the way is free again"


def test_one_who_is_slowed_waits_and_delays_nobody(client: Sync, lanes: Lanes, releasing: Releasing) -> None:
    lanes.slow(CONNECTION, SENDER, for_s=30)
    lanes.add([place("slowed"), place("free", sender=OTHER)], now_ms=0)
    assert releasing.release([PLAIN]) == 1
    assert ready(client) == ["free"]
    assert lanes.redeem(Queue.SUBMIT, []).detours == {detour_of(CONNECTION, SENDER)}
    client.delete(keys.pace(CONNECTION, SENDER))
    client.zadd(keys.turns(CONNECTION), {SENDER: 0})
    assert releasing.release([PLAIN]) == 1
    assert not lanes.redeem(Queue.SUBMIT, []).detours, "its lane is empty and its time over"


def test_a_slowed_connection_gives_no_slots(lanes: Lanes, releasing: Releasing) -> None:
    lanes.slow(CONNECTION, None, for_s=30)
    lanes.add([place("a")], now_ms=0)
    assert releasing.release([PLAIN]) == 0
    assert releasing.release([Pace(connection=CONNECTION, mps=100)]) == 0


def test_a_shorter_wait_does_not_end_a_longer_one(client: Sync, lanes: Lanes) -> None:
    lanes.slow(CONNECTION, SENDER, for_s=30)
    before = client.get(keys.pace(CONNECTION, SENDER))
    lanes.slow(CONNECTION, SENDER, for_s=1)
    assert client.get(keys.pace(CONNECTION, SENDER)) == before


def test_a_slot_counts_once(lanes: Lanes, releasing: Releasing) -> None:
    lanes.add([place("a")], now_ms=0)
    releasing.release([PLAIN])
    assert set(lanes.redeem(Queue.SUBMIT, ["a", "b"]).slots) == {"a"}
    assert lanes.redeem(Queue.SUBMIT, ["a", "b"]).slots == {}


def test_a_slot_that_is_over_is_none(client: Sync, lanes: Lanes, releasing: Releasing) -> None:
    lanes.add([place("a")], now_ms=0)
    releasing.release([PLAIN])
    client.hincrby(keys.slots(Queue.SUBMIT), "a", -2_000_000)
    assert lanes.redeem(Queue.SUBMIT, ["a"]).slots == {}
    assert not client.exists(keys.slots(Queue.SUBMIT))


def test_a_slot_tells_when_the_call_may_start(lanes: Lanes, releasing: Releasing) -> None:
    lanes.add([place("a"), place("b")], now_ms=0)
    releasing.release([Pace(connection=CONNECTION, mps=25)])
    found = lanes.redeem(Queue.SUBMIT, ["a", "b"]).slots
    assert found["b"].starts_at - found["a"].starts_at == pytest.approx(1 / 25, abs=1e-4)


def test_what_has_a_slot_is_taken_before_what_has_none(
    client: Sync, lanes: Lanes, releasing: Releasing
) -> None:
    client.lpush(keys.ready(Queue.SUBMIT), *(f"new-{n}" for n in range(5)))
    lanes.add([place("a")], now_ms=0)
    releasing.release([PLAIN])
    assert ready(client)[0] == "a"


def test_what_a_dead_worker_popped_with_a_slot_comes_back_without_one(
    client: Sync, settings: Settings, lanes: Lanes, releasing: Releasing
) -> None:
    ready_lists = Ready(client, rings=8, put_back_s=0.01)
    schedule = Schedule(client, rings=8)
    lanes.add([place("a")], now_ms=0)
    releasing.release([PLAIN])
    assert ready_lists.pop(Queue.SUBMIT, 10).ids == ("a",)
    lanes.redeem(Queue.SUBMIT, ["a"])  # and then it died
    deadline = time.monotonic() + 20
    while not schedule.put_back(Queue.SUBMIT) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert ready_lists.pop(Queue.SUBMIT, 10).ids == ("a",)
    assert lanes.redeem(Queue.SUBMIT, ["a"]).slots == {}


def test_a_change_of_the_rate_holds_from_the_next_slot_on(
    client: Sync, lanes: Lanes, releasing: Releasing
) -> None:
    lanes.add([place(f"{n}") for n in range(100)], now_ms=0)
    assert releasing.release([Pace(connection=CONNECTION, mps=0.01)]) == 1
    assert releasing.release([Pace(connection=CONNECTION, mps=0.01)]) == 0
    client.delete(keys.pace(CONNECTION))
    assert releasing.release([Pace(connection=CONNECTION, mps=500)]) > 10


class Rates(RuleBasedStateMachine):
    """Whatever comes, is taken, is booked or forgotten: slots of a sender and of a connection keep their distance."""

    client: Sync

    @initialize(mps=st.sampled_from([None, 7.0, 30.0, 300.0]), sender_mps=st.sampled_from([None, 5.0, 90.0]))
    def begin(self, mps: float | None, sender_mps: float | None) -> None:
        self.client.flushdb()
        self.lanes, self.releasing = Lanes(self.client), Releasing(self.client, rings=8)
        self.pace = Pace(connection=CONNECTION, mps=mps, sender_mps=sender_mps)
        self.count = 0
        self.prices: dict[str, tuple[str, int]] = {}

    @rule(
        sender=st.sampled_from([SENDER, OTHER]),
        price=st.integers(1, 4),
        many=st.integers(1, 30),
        priority=st.sampled_from(list(Priority)),
    )
    def come(self, sender: str, price: int, many: int, priority: Priority) -> None:
        names = [f"{self.count + n:05}" for n in range(many)]
        self.count += many
        self.prices |= dict.fromkeys(names, (sender, price))
        self.lanes.add([place(name, sender, priority, price=price) for name in names], now_ms=0)

    @rule(wait_ms=st.integers(0, 60))
    def tick(self, wait_ms: int) -> None:
        time.sleep(wait_ms / 1000)
        self.releasing.release([self.pace])

    @rule()
    def pop(self) -> None:
        for queue in (Queue.SUBMIT, Queue.SUBMIT_HIGH):
            self.client.delete(keys.ready(queue))

    def teardown(self) -> None:
        given = sorted((at, *self.prices[name]) for name, at in slots(self.client).items())
        for rate, groups in (
            (self.pace.mps, [given]),
            (
                self.pace.sender_mps,
                [[one for one in given if one[1] == sender] for sender in (SENDER, OTHER)],
            ),
        ):
            for group in groups if rate else ():
                for (at, _, price), (following, *_) in itertools.pairwise(group):
                    assert following - at >= price * 1e6 / rate
        seconds, micros = self.client.time()  # type: ignore[misc]  # sync client
        assert all(at <= seconds * 1e6 + micros + AHEAD_S * 1e6 for at, *_ in given)
        self.client.flushdb()


def test_slots_keep_their_distance_whatever_happens(client: Sync) -> None:
    Rates.client = client
    run_state_machine_as_test(
        Rates,
        settings=hypothesis_settings(
            max_examples=25,
            stateful_step_count=20,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


def test_a_scheduler_that_stumbled_catches_up_a_little_and_no_more(
    client: Sync, lanes: Lanes, releasing: Releasing
) -> None:
    lanes.add([place(f"{n:03}") for n in range(200)], now_ms=0)
    pace = Pace(connection=CONNECTION, mps=100)
    first = releasing.release([pace])
    assert first <= (AHEAD_S + LATE_S) * 100 + 1
    time.sleep(1)
    assert releasing.release([pace]) <= (AHEAD_S + LATE_S) * 100 + 1
