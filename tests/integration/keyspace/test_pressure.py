"""The door slows when messages wait, and not because old ones come by."""

from collections.abc import AsyncIterator, Callable

import pytest

from broker.dispatch import Queue
from broker.domain.ids import new_id
from broker.errors import Busy
from broker.keyspace import keys
from broker.keyspace.admission import Admission
from broker.keyspace.client import Async, open_async
from broker.keyspace.pressure import Pressure
from broker.settings import Settings
from tests.integration.keyspace.conftest import request

AGE_S = 100.0
LONG_AGO_MS = 1_700_000_000_000


@pytest.fixture
async def client(settings: Settings) -> AsyncIterator[Async]:
    one = open_async(settings.redis_url, settings)
    yield one
    await one.aclose()


@pytest.fixture
def pressure(client: Async, make_settings: Callable[..., Settings]) -> Pressure:
    return Pressure(client, make_settings(backlog_age_s=AGE_S))


async def test_what_has_just_been_admitted_does_not_slow_the_door(
    pressure: Pressure, admission: Admission
) -> None:
    await admission.admit(request())
    await pressure.look()

    pressure.check()
    assert pressure.depth[Queue.SUBMIT] == 1


async def test_a_message_that_nobody_takes_slows_the_door(
    pressure: Pressure, admission: Admission, client: Async
) -> None:
    await admission.admit(request())
    await admission.admit(request())
    first = (await client.zrange(keys.outbox(Queue.SUBMIT), 0, 0))[0]
    await client.zincrby(keys.outbox(Queue.SUBMIT), -2 * AGE_S * 1000, first)
    await pressure.look()

    with pytest.raises(Busy):
        pressure.check(Queue.SUBMIT)
    pressure.check(Queue.SUBMIT_HIGH)


async def test_a_retry_of_an_old_message_does_not_slow_the_door(pressure: Pressure, client: Async) -> None:
    await client.lpush(keys.ready(Queue.SUBMIT), new_id(LONG_AGO_MS))
    await pressure.look()

    pressure.check()


async def test_a_message_that_a_worker_has_popped_does_not_slow_the_door(
    pressure: Pressure, admission: Admission, client: Async
) -> None:
    await admission.admit(request())
    one = (await client.zrange(keys.outbox(Queue.SUBMIT), 0, 0))[0]
    await client.zincrby(keys.outbox(Queue.SUBMIT), -keys.UNPOPPED_MS, one)
    await pressure.look()

    pressure.check()
