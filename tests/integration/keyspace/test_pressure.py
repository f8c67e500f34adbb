"""The door slows when messages wait, and not because old ones come by."""

from collections.abc import AsyncIterator, Callable

import pytest

from broker.dispatch import Queue
from broker.domain.ids import new_id
from broker.domain.message import Priority
from broker.domain.value import replace
from broker.errors import Busy
from broker.keyspace import keys
from broker.keyspace.admission import Admission
from broker.keyspace.client import Async, open_async
from broker.keyspace.flows import flow
from broker.keyspace.pressure import Pressure
from broker.settings import Settings
from tests.integration.keyspace.conftest import ACCOUNT, message, request

AGE_S = 100.0
FLOW = flow("acme", Priority.NORMAL)
LONG_AGO_MS = 1_700_000_000_000


@pytest.fixture
async def client(settings: Settings) -> AsyncIterator[Async]:
    one = open_async(settings.redis_url, settings)
    yield one
    await one.aclose()


@pytest.fixture
def pressure(client: Async, make_settings: Callable[..., Settings]) -> Pressure:
    return Pressure(client, make_settings(backlog_age_s=AGE_S))


async def has_waited_for_long(client: Async, queue: Queue = Queue.SUBMIT) -> None:
    """Make the first that was admitted an old one."""
    first = (await client.zrange(keys.outbox(queue), 0, 0))[0]
    await client.zincrby(keys.outbox(queue), -2 * AGE_S * 1000, first)


async def test_what_has_just_been_admitted_does_not_slow_the_door(
    pressure: Pressure, admission: Admission
) -> None:
    await admission.admit(request())
    await pressure.look()

    pressure.check(Queue.SUBMIT, FLOW)
    assert pressure.depth[Queue.SUBMIT] == 1


async def test_a_message_that_nobody_takes_slows_the_door(
    pressure: Pressure, admission: Admission, client: Async
) -> None:
    await admission.admit(request())
    await admission.admit(request())
    await has_waited_for_long(client)
    await pressure.look()

    with pytest.raises(Busy) as caught:
        pressure.check(Queue.SUBMIT, FLOW)
    assert caught.value.retry_after_s > 0
    pressure.check(Queue.SUBMIT_HIGH, FLOW)


async def test_an_urgent_message_that_nobody_takes_slows_urgent_ones_only(
    pressure: Pressure, admission: Admission, client: Async
) -> None:
    await admission.admit(request(message(priority=Priority.HIGH)))
    await has_waited_for_long(client, Queue.SUBMIT_HIGH)
    await pressure.look()

    with pytest.raises(Busy):
        pressure.check(Queue.SUBMIT_HIGH, FLOW)
    pressure.check(Queue.SUBMIT, FLOW)


async def test_a_long_backlog_slows_the_door_for_its_own_account_only(
    pressure: Pressure, admission: Admission, client: Async
) -> None:
    for _ in range(5):
        await admission.admit(request(message(account="noisy"), account=replace(ACCOUNT, name="noisy")))
    await admission.admit(request())
    await has_waited_for_long(client)
    await pressure.look()

    with pytest.raises(Busy):
        pressure.check(Queue.SUBMIT, flow("noisy", Priority.NORMAL))
    pressure.check(Queue.SUBMIT, FLOW)
    assert pressure.oldest_s[Queue.SUBMIT] > AGE_S, "it is shown to those who look after the system"


async def test_bulk_that_waits_for_long_does_not_slow_what_goes_before_it(
    pressure: Pressure, admission: Admission, client: Async
) -> None:
    await admission.admit(request(message(priority=Priority.BULK)))
    for _ in range(3):
        await admission.admit(request())
    await has_waited_for_long(client)
    await pressure.look()

    with pytest.raises(Busy):
        pressure.check(Queue.SUBMIT, flow("acme", Priority.BULK))
    pressure.check(Queue.SUBMIT, FLOW)


async def test_the_door_opens_again_when_the_backlog_is_gone(
    pressure: Pressure, admission: Admission, client: Async
) -> None:
    await admission.admit(request())
    await has_waited_for_long(client)
    await pressure.look()
    await client.flushdb()
    await pressure.look()

    pressure.check(Queue.SUBMIT, FLOW)


async def test_a_retry_of_an_old_message_does_not_slow_the_door(pressure: Pressure, client: Async) -> None:
    await client.lpush(keys.ready(Queue.SUBMIT), new_id(LONG_AGO_MS))
    await pressure.look()

    pressure.check(Queue.SUBMIT, FLOW)


async def test_a_message_that_a_worker_has_popped_does_not_slow_the_door(
    pressure: Pressure, admission: Admission, client: Async
) -> None:
    await admission.admit(request())
    one = (await client.zrange(keys.outbox(Queue.SUBMIT), 0, 0))[0]
    await client.zincrby(keys.outbox(Queue.SUBMIT), -keys.UNPOPPED_MS, one)
    await pressure.look()

    pressure.check(Queue.SUBMIT, FLOW)
