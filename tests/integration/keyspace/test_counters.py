"""What lost counters start from, and how far behind we are."""

from collections.abc import AsyncIterator

import pytest

from broker.dispatch import Queue
from broker.domain.message import Priority
from broker.domain.value import replace
from broker.errors import Busy
from broker.keyspace.admission import Admission
from broker.keyspace.client import Async, open_async
from broker.keyspace.counters import Counted, Counters
from broker.keyspace.flows import flow
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


async def test_what_waits_is_found_with_its_request_and_its_price(
    admission: Admission, client: Async
) -> None:
    alone = message(prepaid=True)
    await admission.admit(request(alone))
    await admission.admit(request(message(batch="b"), message(batch="b")))
    first, second = (message(batch="g", group=True, prepaid=True) for _ in range(2))
    members = (first.id, second.id)
    await admission.admit(request(replace(first, members=members), replace(second, members=members)))
    await admission.admit(request(message(account="globex")))
    found = await Counters(client).waiting("acme")
    assert sorted((one.batch or "", one.reserved) for one in found) == [("", 1), ("b", 0), ("b", 0), ("g", 2)]
    assert [(one.id, one.at) for one in found if one.batch is None] == [(alone.id, NOON)]


async def test_seeds_never_change_what_is_there(client: Async) -> None:
    counters = Counters(client)
    await client.set("quota:acme:2026-11-21", 3)
    assert await counters.missing(LIMITED, NOON)
    mark = await counters.begin("acme")
    assert await counters.seed(LIMITED, NOON, Counted(day=1, month=2, left=400), mark=mark)
    assert await counters.seed(LIMITED, NOON, Counted(day=9, month=9, left=999), mark=mark)
    assert not await counters.missing(LIMITED, NOON)
    assert await client.mget("quota:acme:2026-11-21", "quota:acme:2026-11") == [b"3", b"2"]
    assert await client.hget("balance:acme", "left") == b"400"
    assert 12 * 3600 < await client.ttl("quota:acme:2026-11") < 33 * 86400
    assert 23 * 3600 < await client.ttl("balance:acme") <= 24 * 3600


async def test_a_counting_during_which_redis_lost_something_sets_nothing(client: Async) -> None:
    counters = Counters(client)
    mark = await counters.begin("acme")
    await client.flushdb()
    assert not await counters.seed(LIMITED, NOON, Counted(day=1, month=2, left=400), mark=mark)
    await counters.begin("acme")
    assert not await counters.seed(LIMITED, NOON, Counted(day=1, month=2, left=400), mark=mark)
    assert await client.keys("quota:*") == await client.keys("balance:*") == []


async def test_a_counter_learns_each_change_once_in_any_order(client: Async) -> None:
    counters = Counters(client)
    assert await counters.adjust("acme", version=9, adjusted=9) is None
    counted = Counted(day=0, month=0, left=100, version=3, adjusted=50)
    await counters.seed(LIMITED, NOON, counted, mark=await counters.begin("acme"))
    assert await counters.adjust("acme", version=5, adjusted=80) == (130, 5)
    assert await counters.adjust("acme", version=4, adjusted=70) == (130, 5)
    assert await counters.adjust("acme", version=5, adjusted=80) == (130, 5)
    assert await counters.adjust("acme", version=6, adjusted=10**15) == (10**15 + 50, 6)
    assert await counters.adjust("acme", version=7, adjusted=-5) == (45, 7)


async def test_without_redis_nothing_can_be_counted(settings: Settings) -> None:
    nowhere = open_async(f"redis://127.0.0.1:{free_port()}", settings)
    with pytest.raises(Busy):
        await Counters(nowhere).waiting("acme")
    await nowhere.aclose()


async def test_pressure_says_what_waits(admission: Admission, client: Async, settings: Settings) -> None:
    pressure = Pressure(client, settings)
    assert not await pressure.is_seen()
    await admission.admit(request())
    await pressure.look()
    assert await pressure.is_seen()
    assert (pressure.depth[Queue.SUBMIT], pressure.outbox[Queue.SUBMIT]) == (1, 1)
    pressure.check(Queue.SUBMIT, flow("acme", Priority.NORMAL))
