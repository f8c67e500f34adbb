"""Ready lists, the outbox that repairs them, and the schedule."""

import time
from collections.abc import Callable
from typing import Any, TypeVar

import pytest
from redis import Redis

from broker.dispatch import Queue
from broker.keyspace import content, keys
from broker.keyspace.client import AWAY, open_sync
from broker.keyspace.ready import Ready
from broker.keyspace.schedule import Later, Schedule
from broker.settings import Settings
from tests.integration.keyspace.conftest import message, request
from tests.redis_server import RedisServer

T = TypeVar("T")
RINGS = 3


@pytest.fixture
def ready(client: Any) -> Ready:
    return Ready(client, rings=RINGS, put_back_s=0.05)


@pytest.fixture
def schedule(client: Any) -> Schedule:
    return Schedule(client, rings=RINGS)


@pytest.fixture
def admit(open_admission: Callable[..., Any], settings: Settings) -> Callable[[int], Any]:
    async def some(count: int) -> list[str]:
        admission = open_admission(settings.redis_url)
        messages = [message() for _ in range(count)]
        for one in messages:
            await admission.admit(request(one))
        return [one.id for one in messages]

    return some


def until(question: Callable[[], T]) -> T:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        if answer := question():
            return answer
        time.sleep(0.01)
    raise AssertionError("waited in vain")


async def test_what_came_first_is_popped_first_and_another_take_is_rung_for(
    admit: Callable[[int], Any], ready: Ready, client: Any
) -> None:
    ids = await admit(5)
    client.delete(Queue.SUBMIT)
    popped = ready.pop(Queue.SUBMIT, 3)
    assert popped.ids == tuple(ids[:3])
    assert set(popped.tries.values()) == {1}
    assert client.llen(Queue.SUBMIT) == 1
    ready.pop(Queue.SUBMIT, 3)
    assert client.llen(Queue.SUBMIT) == 1, "nothing is left, so nobody is rung for"


async def test_what_was_popped_and_not_dropped_is_put_back_and_what_was_dropped_is_not(
    admit: Callable[[int], Any], ready: Ready, schedule: Schedule, client: Any
) -> None:
    lost, done = await admit(2)
    ready.begin(Queue.SUBMIT, ready.pop(Queue.SUBMIT, 2).tries)
    ready.drop(Queue.SUBMIT, [done], contents=[keys.content(done)])
    client.delete(Queue.SUBMIT)
    assert until(lambda: schedule.put_back(Queue.SUBMIT)) == 1
    assert client.llen(Queue.SUBMIT) == 1, "and rung for"
    again = ready.pop(Queue.SUBMIT, 2)
    assert (again.ids, dict(again.tries)) == ((lost,), {lost: 2})
    assert ready.messages([lost, done]).keys() == {lost}
    assert client.zrange(keys.outbox(Queue.SUBMIT), 0, -1) == [lost.encode()]


async def test_each_try_doubles_the_wait_until_an_id_is_put_back(
    admit: Callable[[int], Any], client: Any, schedule: Schedule
) -> None:
    ready = Ready(client, rings=RINGS, put_back_s=5)
    (one,) = await admit(1)
    waits = []
    for _ in range(6):
        popped = ready.pop(Queue.SUBMIT, 1)
        waits.append(client.zscore(keys.outbox(Queue.SUBMIT), one) - popped.now_ms)
        ready.begin(Queue.SUBMIT, popped.tries)
        client.rpush(keys.ready(Queue.SUBMIT), one)
    assert waits == [5_000, 10_000, 20_000, 40_000, 60_000, 60_000]


async def test_a_pop_whose_answer_nobody_heard_counts_for_nothing(
    admit: Callable[[int], Any], ready: Ready, schedule: Schedule
) -> None:
    (one,) = await admit(1)
    for _ in range(5):
        assert dict(ready.pop(Queue.SUBMIT, 1).tries) == {one: 1}
        assert until(lambda: schedule.put_back(Queue.SUBMIT)) == 1


async def test_what_could_not_be_forgiven_while_redis_was_away_is_forgiven_before_the_next_pop(
    own_redis: Callable[..., RedisServer],
) -> None:
    server = own_redis()
    with Redis.from_url(f"{server.url}/0") as client:
        ready = Ready(open_sync(f"{server.url}/0", Settings(redis_timeout_s=0.2)), rings=RINGS, put_back_s=5)
        client.rpush(keys.ready(Queue.SUBMIT), "one", "other")
        ready.begin(Queue.SUBMIT, ready.pop(Queue.SUBMIT, 2).tries)
        client.rpush(keys.ready(Queue.SUBMIT), "one")
        ready.begin(Queue.SUBMIT, ready.pop(Queue.SUBMIT, 1).tries)
        server.freeze()
        with pytest.raises(AWAY):
            ready.forgive(Queue.SUBMIT, ["one"])
        server.kill()
        server.start()
        client.rpush(keys.ready(Queue.SUBMIT), "one", "other")

        assert dict(ready.pop(Queue.SUBMIT, 2).tries) == {"one": 2, "other": 2}
        client.rpush(keys.ready(Queue.SUBMIT), "one")
        assert dict(ready.pop(Queue.SUBMIT, 2).tries) == {"one": 2}, "it is forgiven once"


async def test_an_id_that_was_put_back_is_not_put_back_again_before_it_is_popped(
    admit: Callable[[int], Any], ready: Ready, schedule: Schedule, client: Any
) -> None:
    await admit(1)
    ready.pop(Queue.SUBMIT, 1)
    until(lambda: schedule.put_back(Queue.SUBMIT))
    time.sleep(0.2)  # longer than its first wait
    assert schedule.put_back(Queue.SUBMIT) == 0
    assert client.zcard(keys.fresh(Queue.SUBMIT)) == 1


async def test_a_ready_list_that_was_deleted_is_restored_from_the_outbox(
    admit: Callable[[int], Any], ready: Ready, schedule: Schedule, client: Any
) -> None:
    ids = await admit(3)
    client.delete(keys.fresh(Queue.SUBMIT), keys.rounds(Queue.SUBMIT), Queue.SUBMIT)
    assert schedule.put_back(Queue.SUBMIT) == 3
    assert sorted(ready.pop(Queue.SUBMIT, 9).ids) == sorted(ids)


async def test_a_long_list_that_was_deleted_comes_back_whole(
    admit: Callable[[int], Any], ready: Ready, schedule: Schedule, client: Any
) -> None:
    ids = await admit(450)
    client.delete(keys.fresh(Queue.SUBMIT), keys.rounds(Queue.SUBMIT), Queue.SUBMIT)
    assert schedule.put_back(Queue.SUBMIT) == 450
    assert sorted(one for _ in range(3) for one in ready.pop(Queue.SUBMIT, 200).ids) == sorted(ids)


async def test_what_waits_unheard_is_rung_for_again(
    admit: Callable[[int], Any], schedule: Schedule, client: Any
) -> None:
    await admit(2)
    client.delete(Queue.SUBMIT)
    schedule.put_back(Queue.SUBMIT)
    schedule.put_back(Queue.SUBMIT)
    assert client.llen(Queue.SUBMIT) == 1


def test_nobody_is_rung_for_where_nothing_waits(schedule: Schedule, client: Any) -> None:
    schedule.put_back(Queue.SUBMIT)
    assert schedule.move_due(Queue.SUBMIT) == 0
    assert client.llen(Queue.SUBMIT) == 0


def test_what_sql_holds_is_pushed_without_an_outbox_entry(ready: Ready, client: Any) -> None:
    ready.push(Queue.MEDIA, ["a", "b"])
    ready.push(Queue.MEDIA, [])
    assert ready.pop(Queue.MEDIA, 9).ids == ("a", "b")
    assert client.zcard(keys.outbox(Queue.MEDIA)) == 0
    assert client.llen(Queue.MEDIA) == 1


def test_the_schedule_moves_what_is_due_and_leaves_the_rest(
    schedule: Schedule, ready: Ready, client: Any
) -> None:
    now_ms = ready.now_ms()
    due = {"due": now_ms - 10, "overdue": now_ms - 20, "later": now_ms + 60_000}
    schedule.add(Queue.SUBMIT, [Later(id=name, flow="0:a", due_at=due_at) for name, due_at in due.items()])
    assert schedule.move_due(Queue.SUBMIT) == 2
    assert ready.pop(Queue.SUBMIT, 9).ids == ("overdue", "due")
    assert client.zrange(keys.schedule(Queue.SUBMIT), 0, -1) == [b"later 0:a"]
    assert client.llen(Queue.SUBMIT) == 1


def test_one_scheduler_leads_until_its_lease_ends(schedule: Schedule) -> None:
    assert schedule.lead("a", lease_ms=100)
    assert not schedule.lead("b", lease_ms=100)
    assert schedule.lead("a", lease_ms=100)
    assert until(lambda: schedule.lead("b", lease_ms=60_000))
    assert not schedule.lead("a", lease_ms=100)


def test_the_clock_goes_on_while_redis_is_away(
    own_redis: Callable[..., Any], make_settings: Callable[..., Settings]
) -> None:
    server = own_redis()
    settings = make_settings(redis_url=f"{server.url}/0")
    with open_sync(settings.redis_url, settings) as client:
        ready = Ready(client, rings=RINGS, put_back_s=1)
        before = ready.now_ms()
        server.kill()
        time.sleep(0.05)
        assert before + 50 <= ready.now_ms() < before + 60_000


def test_a_webhook_reads_back_until_it_is_dropped(ready: Ready, client: Any) -> None:
    hook = content.Webhook(connection="c", body=b"[1]\n", at=message().created_at)
    client.set(keys.webhook("d"), content.encode_webhook(hook))
    assert ready.webhooks(["d", "gone"]) == {"d": hook}
    ready.drop(Queue.EVENTS, ["d"], contents=[keys.webhook("d")])
    assert ready.webhooks(["d"]) == {}
