"""Durability `replica`: a primary and a replica, and what the door says when the replica is lost."""

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime

import pytest

from broker.cli.chaos.proxy import Proxy
from broker.domain.ids import new_id
from broker.errors import AdmissionError, Busy, ConfigurationError, OutcomeUncertain
from broker.keyspace import health
from broker.keyspace.admission import Admission, AdmissionResult
from broker.keyspace.arrivals import Arrivals
from broker.keyspace.content import Webhook
from broker.settings import Durability, Settings
from tests.integration.keyspace.conftest import message, request
from tests.redis_server import RedisServer

Open = Callable[..., Admission]
Own = Callable[..., RedisServer]


@pytest.fixture
def primary(own_redis: Own) -> RedisServer:
    """A server whose replicas are served at once."""
    return own_redis("--repl-diskless-sync-delay", "0")


@pytest.fixture
async def between(primary: RedisServer) -> AsyncIterator[Proxy]:
    """What the replica hears its primary through."""
    proxy = Proxy(primary.port)
    await proxy.start()
    yield proxy
    await proxy.stop()


@pytest.fixture
async def replica(own_redis: Own, primary: RedisServer, between: Proxy) -> RedisServer:
    """A server that has everything that the primary has."""
    words = ("--replicaof", "127.0.0.1", str(between.port))
    server = await asyncio.to_thread(own_redis, *words)
    await until_followed(primary)
    return server


async def until_followed(primary: RedisServer) -> None:
    """Return once the primary has a replica."""
    settings = Settings(redis_url=primary.url)
    while not (await asyncio.to_thread(health.look, primary.url, settings)).followed:
        await asyncio.sleep(0.05)


def held(server: RedisServer, *names: str) -> int:
    """Return how many of these keys a server has."""
    with server.client() as client:
        return int(client.exists(*names))


async def test_without_a_replica_the_level_is_refused_at_the_start_and_at_the_door(
    primary: RedisServer, open_admission: Open
) -> None:
    admission = open_admission(primary.url, durability=Durability.REPLICA)
    with pytest.raises(ConfigurationError, match="no replica"):
        await admission.open()
    for _ in range(2):
        with pytest.raises(Busy):
            await admission.admit(request())
    assert held(primary, "fresh:submit") == 0


async def test_a_message_is_on_the_second_machine_before_the_answer(
    primary: RedisServer, between: Proxy, replica: RedisServer, open_admission: Open
) -> None:
    admission = open_admission(primary.url, durability=Durability.REPLICA)
    await admission.open()
    between.freeze()
    one = message()
    with pytest.raises(OutcomeUncertain):
        await admission.admit(request(one, key="k", digest="d"))
    assert (held(primary, f"msg:{one.id}"), held(replica, f"msg:{one.id}")) == (1, 0)
    between.thaw()
    again = await admission.admit(request(key="k", digest="d"))
    assert isinstance(again, AdmissionResult)
    assert (again.ids, held(replica, f"msg:{one.id}")) == ((one.id,), 1)


async def test_it_is_on_the_primarys_disk_too(
    primary: RedisServer, replica: RedisServer, open_admission: Open
) -> None:
    with primary.client() as client:
        client.config_set("appendfsync", "everysec")
        admission = open_admission(primary.url, durability=Durability.REPLICA)
        assert isinstance(await admission.admit(request()), AdmissionResult)
        assert client.info("commandstats")["cmdstat_waitaof"]["calls"] >= 1


async def test_a_webhook_whose_answer_was_lost_is_ours_only_once_the_second_machine_has_it(
    primary: RedisServer, between: Proxy, replica: RedisServer, make_settings: Callable[..., Settings]
) -> None:
    proxy = Proxy(primary.port)
    url = f"redis://127.0.0.1:{await proxy.start()}"
    settings = make_settings(redis_url=url, durability=Durability.REPLICA, worker_threads=1)
    arrivals = Arrivals(
        url, settings
    )  # its one ring waits after the first call: the second one has nothing to enter
    webhook = Webhook(connection="one", body=new_id().encode(), at=datetime.now(UTC))
    between.freeze()
    proxy.cut = 1
    with pytest.raises(OutcomeUncertain):
        await arrivals.arrive(webhook)
    assert (proxy.lost, held(primary, "fresh:events"), held(replica, "fresh:events")) == (1, 1, 0)
    between.thaw()
    await arrivals.arrive(webhook)
    assert held(replica, "fresh:events") == 1
    await arrivals.close()
    await proxy.stop()


async def test_a_frozen_replica_makes_an_unknown_outcome_then_a_plain_refusal_and_then_nobody_misses_it(
    primary: RedisServer, replica: RedisServer, open_admission: Open
) -> None:
    admission = open_admission(primary.url, durability=Durability.REPLICA)
    assert isinstance(await admission.admit(request()), AdmissionResult)
    replica.freeze()
    async with asyncio.timeout(2):
        with pytest.raises(OutcomeUncertain):
            await admission.admit(request())
    while True:
        before = written(primary)
        with pytest.raises(AdmissionError) as refusal:
            await admission.admit(request())
        if isinstance(refusal.value, Busy):
            break
    assert written(primary) == before
    replica.thaw()
    await until_followed(primary)
    assert isinstance(await admission.admit(request()), AdmissionResult)


async def test_a_killed_replica_that_comes_back_is_waited_for_again(
    primary: RedisServer, replica: RedisServer, open_admission: Open
) -> None:
    admission = open_admission(primary.url, durability=Durability.REPLICA)
    first = await admission.admit(request(key="k", digest="d"))
    replica.kill()
    with pytest.raises(OutcomeUncertain):
        await admission.admit(request())
    before = written(primary)
    async with asyncio.timeout(2):
        with pytest.raises(Busy):
            await admission.admit(request())
    assert written(primary) == before
    await asyncio.to_thread(replica.start)
    await until_followed(primary)
    again = await admission.admit(request(key="k", digest="d"))
    assert isinstance(first, AdmissionResult)
    assert isinstance(again, AdmissionResult)
    assert (again.ids, again.replayed) == (first.ids, True)


def written(server: RedisServer) -> int:
    """Return how many messages wait."""
    with server.client() as client:
        return int(client.zcard("fresh:submit"))
