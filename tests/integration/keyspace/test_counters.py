"""What lost counters start from, and how far behind we are."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest

from broker.dispatch import Queue
from broker.domain.ids import new_id
from broker.errors import Busy
from broker.keyspace.admission import Admission
from broker.keyspace.client import Async, open_async
from broker.keyspace.counters import Counters
from broker.keyspace.keys import UNPOPPED_MS
from broker.keyspace.pressure import Pressure
from broker.settings import Settings
from tests.integration.keyspace.conftest import ACCOUNT, NOON, message, request
from tests.redis_server import free_port

LIMITED = replace(ACCOUNT, daily_limit=5, monthly_limit=50, credit=500)


@pytest.fixture
async def client(settings: Settings) -> AsyncIterator[Async]:
    one = open_async(settings.redis_url, settings)
    yield one
    await one.aclose()


async def test_what_waits_is_counted_by_request_and_by_message(admission: Admission, client: Async) -> None:
    await admission.admit(request())
    await admission.admit(request(message(batch="b"), message(batch="b")))
    first, second = message(batch="g", group=True), message(batch="g", group=True)
    members = (first.id, second.id)
    await admission.admit(request(replace(first, members=members), replace(second, members=members)))
    await admission.admit(request(message(account="globex")))
    assert await Counters(client).waiting("acme", None) == (3, 5)


async def test_what_came_before_the_period_does_not_count(admission: Admission, client: Async) -> None:
    old = message(id=new_id(int((NOON - timedelta(days=1)).timestamp() * 1000)))
    await admission.admit(request(old))
    assert await Counters(client).waiting("acme", NOON - timedelta(hours=12)) == (0, 0)
    assert await Counters(client).waiting("acme", None) == (1, 1)


async def test_seeds_never_change_what_is_there(client: Async) -> None:
    counters = Counters(client)
    await client.set("quota:acme:2026-11-21", 3)
    assert await counters.missing(LIMITED, NOON)
    await counters.seed(LIMITED, NOON, day=1, month=2, credit=400)
    assert not await counters.missing(LIMITED, NOON)
    assert await client.mget("quota:acme:2026-11-21", "quota:acme:2026-11", "credit:acme") == [
        b"3",
        b"2",
        b"400",
    ]
    assert 12 * 3600 < await client.ttl("quota:acme:2026-11") < 33 * 86400


async def test_without_redis_nothing_can_be_counted(settings: Settings) -> None:
    nowhere = open_async(f"redis://127.0.0.1:{free_port()}", settings)
    with pytest.raises(Busy):
        await Counters(nowhere).waiting("acme", None)
    await nowhere.aclose()


async def test_pressure_says_what_waits(admission: Admission, client: Async, settings: Settings) -> None:
    pressure = Pressure(client, settings)
    assert not await pressure.is_seen()
    await admission.admit(request())
    await pressure.look()
    assert await pressure.is_seen()
    assert (pressure.depth[Queue.SUBMIT], pressure.outbox[Queue.SUBMIT]) == (1, 1)
    pressure.check()


async def test_pressure_of_urgent_messages_is_their_own(client: Async, settings: Settings) -> None:
    pressure = Pressure(client, settings)
    seconds, _ = await client.time()
    old = (seconds - settings.backlog_age_s - 60) * 1000 + UNPOPPED_MS
    await client.zadd("admitted", {"an-old-one": old})
    await pressure.look()
    pressure.check(Queue.SUBMIT_HIGH)
    with pytest.raises(Busy) as caught:
        pressure.check(Queue.SUBMIT)
    assert caught.value.retry_after_s > 0
