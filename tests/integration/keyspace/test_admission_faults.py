"""Admission while Redis is away, slow, full, or loses its answers."""

import asyncio
from collections.abc import Callable

import pytest

from broker.cli.chaos.proxy import Proxy
from broker.errors import AdmissionError, Busy, ConfigurationError, OutcomeUncertain
from broker.keyspace.admission import Admission, AdmissionResult
from broker.keyspace.gathering import Gathering
from broker.settings import Durability
from tests.integration.keyspace.conftest import message, request
from tests.redis_server import RedisServer, free_port

Open = Callable[..., Admission]
Own = Callable[..., RedisServer]


async def test_a_lost_answer_is_asked_for_again_and_nothing_is_doubled(
    own_redis: Own, open_admission: Open
) -> None:
    server = own_redis()
    proxy = Proxy(server.port)
    admission = open_admission(f"redis://127.0.0.1:{await proxy.start()}")
    proxy.cut = 1
    one = message()
    answer = await admission.admit(request(one, key="k", digest="d"))
    assert isinstance(answer, AdmissionResult)
    assert (answer.ids, answer.replayed, proxy.lost) == ((one.id,), False, 1)
    with server.client() as client:
        assert client.zrange("fresh:submit", 0, -1) == [one.id]
        assert client.zcard("admitted") == client.llen("submit") == 1
    await proxy.stop()


async def test_an_answer_that_stays_lost_is_an_unknown_outcome(own_redis: Own, open_admission: Open) -> None:
    server = own_redis()
    proxy = Proxy(server.port)
    admission = open_admission(f"redis://127.0.0.1:{await proxy.start()}")
    proxy.cut = 1000
    with pytest.raises(OutcomeUncertain):
        await admission.admit(request())
    assert proxy.lost > 1
    with server.client() as client:
        assert client.zcard("fresh:submit") == 1
    await proxy.stop()


async def test_a_redis_that_was_never_reached_took_nothing(open_admission: Open) -> None:
    admission = open_admission(f"redis://127.0.0.1:{free_port()}")
    async with asyncio.timeout(2):
        with pytest.raises(Busy):
            await admission.admit(request())


async def test_once_redis_is_known_to_be_away_nobody_waits_for_it(open_admission: Open) -> None:
    admission = open_admission(f"redis://127.0.0.1:{free_port()}")
    for _ in range(20):  # each of them waiting would be over the test's time
        with pytest.raises(Busy):
            await admission.admit(request())


async def test_a_frozen_redis_is_answered_for_within_two_seconds(
    own_redis: Own, open_admission: Open
) -> None:
    server = own_redis()
    admission = open_admission(server.url)
    await admission.admit(request())
    server.freeze()
    async with asyncio.timeout(2):
        with pytest.raises(OutcomeUncertain):
            await admission.admit(request())
    async with asyncio.timeout(2):
        with pytest.raises(Busy):
            await admission.admit(request())
    server.thaw()
    assert isinstance(await admission.admit(request()), AdmissionResult)


async def test_a_killed_redis_that_comes_back_is_used_again(own_redis: Own, open_admission: Open) -> None:
    server = own_redis()
    admission = open_admission(server.url)
    first = await admission.admit(request(key="k", digest="d"))
    server.kill()
    with pytest.raises(AdmissionError):
        await admission.admit(request())
    with pytest.raises(Busy):
        await admission.admit(request())
    server.start()
    again = await admission.admit(request(key="k", digest="d"))
    assert isinstance(first, AdmissionResult)
    assert isinstance(again, AdmissionResult)
    assert (again.ids, again.replayed) == (first.ids, True)


async def test_a_full_redis_takes_nothing_of_the_batch(own_redis: Own, open_admission: Open) -> None:
    server = own_redis()
    admission = open_admission(server.url)
    await admission.admit(request())
    with server.client() as client:
        client.config_set("maxmemory", "1mb")
        answers = await asyncio.gather(
            *(admission.admit(request()) for _ in range(5)), return_exceptions=True
        )
        assert all(isinstance(answer, Busy) for answer in answers)
        client.config_set("maxmemory", 0)
        assert client.zcard("fresh:submit") == 1
    assert isinstance(await admission.admit(request()), AdmissionResult)


async def test_scripts_that_redis_forgot_are_loaded_again(own_redis: Own, open_admission: Open) -> None:
    server = own_redis()
    admission = open_admission(server.url)
    await admission.admit(request())
    with server.client() as client:
        client.script_flush()
    assert isinstance(await admission.admit(request()), AdmissionResult)


@pytest.mark.parametrize(
    ("options", "level"),
    [
        (("--maxmemory-policy", "allkeys-lru"), Durability.FSYNC),
        (("--maxmemory-policy", "volatile-ttl"), Durability.AOF),
        (("--appendonly", "no"), Durability.FSYNC),
        (("--appendonly", "no"), Durability.AOF),
    ],
)
async def test_a_redis_that_cannot_keep_the_promise_is_refused(
    own_redis: Own, open_admission: Open, options: tuple[str, str], level: Durability
) -> None:
    admission = open_admission(own_redis(*options).url, durability=level)
    with pytest.raises(ConfigurationError):
        await admission.open()
    with pytest.raises(Busy):
        await admission.admit(request())


async def test_a_redis_that_was_refused_once_is_refused_again_also_if_it_knows_the_script(
    own_redis: Own, open_admission: Open
) -> None:
    server = own_redis()
    await open_admission(server.url).admit(request())
    with server.client() as client:
        client.config_set("appendonly", "no")
        late = open_admission(server.url)
        with pytest.raises(ConfigurationError):
            await late.open()
        for _ in range(2):
            with pytest.raises(Busy):
                await late.admit(request())
        assert client.zcard("fresh:submit") == 1


async def test_with_durability_memory_any_redis_will_do(own_redis: Own, open_admission: Open) -> None:
    server = own_redis("--appendonly", "no", "--maxmemory-policy", "allkeys-lru")
    admission = open_admission(server.url, durability=Durability.MEMORY)
    await admission.open()
    assert isinstance(await admission.admit(request()), AdmissionResult)


async def test_a_redis_that_syncs_each_second_is_asked_to_wait_for_the_disk(
    own_redis: Own, open_admission: Open
) -> None:
    server = own_redis("--appendfsync", "everysec")
    admission = open_admission(server.url)
    await admission.admit(request())
    with server.client() as client:
        assert client.info("commandstats")["cmdstat_waitaof"]["calls"] == 1


async def test_a_lost_answer_waits_for_the_disk_too(own_redis: Own, open_admission: Open) -> None:
    server = own_redis("--appendfsync", "everysec")
    proxy = Proxy(server.port)
    admission = open_admission(f"redis://127.0.0.1:{await proxy.start()}")
    proxy.cut = 1
    assert isinstance(await admission.admit(request()), AdmissionResult)
    with server.client() as client:
        assert client.zcard("fresh:submit") == 1
    await proxy.stop()


async def test_what_one_caller_gives_up_is_still_answered_to_the_others() -> None:
    gate = asyncio.Event()

    async def together(items: object, since: float) -> list[str]:
        await gate.wait()
        return ["done", "done"]

    gathering: Gathering[int, str] = Gathering(together, most=10)
    first, second = (gathering.join(n) for n in range(2))
    await asyncio.sleep(0)
    first.cancel()
    gate.set()
    assert await second == "done"
    await gathering.finish()
