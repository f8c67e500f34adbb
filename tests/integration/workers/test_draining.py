"""A worker that is told to drain takes nothing more, finishes what it has, and lives on until it may work again."""

import asyncio
import signal
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TypeVar

import pytest
import redis

from broker.dispatch import Queue, ring
from broker.domain.shift import Member, Shift
from broker.domain.status import Status
from broker.keyspace import presence
from broker.keyspace.client import open_async, open_sync
from broker.keyspace.crew import Crew
from broker.services.workers import Workers
from broker.settings import Settings
from broker.storage import messages
from broker.storage.database import Database
from tests.integration.workers.carrier import Carrier, until
from tests.integration.workers.conftest import admit, new_message
from tests.integration.workers.test_doorbell import SLOTS
from tests.integration.workers.test_doorbell import Worker as Process
from tests.redis_server import RedisServer

pytestmark = pytest.mark.timeout(240)

T = TypeVar("T")
Starting = Callable[..., Process]


@pytest.fixture
def ending() -> Iterator[ExitStack]:
    """What ends with the test."""
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def start(tmp_path: Path, ending: ExitStack) -> Starting:
    """Start workers by name; they end with the test."""

    def starting(settings: Settings, name: str) -> Process:
        folder = tmp_path / f"{name}-{len(list(tmp_path.iterdir()))}"
        folder.mkdir()
        one = Process(settings, folder, name=name)
        ending.callback(one.process.wait)
        ending.callback(one.process.kill)
        return one

    return starting


def ask(settings: Settings, question: Callable[[Workers], Awaitable[T]]) -> T:
    """Ask what operators ask."""

    async def asking() -> T:
        client = open_async(settings.redis_url, settings)
        try:
            return await question(Workers(Crew(client)))
        finally:
            await client.aclose()

    return asyncio.run(asking())


def crew(settings: Settings) -> dict[str, Member]:
    """Return the workers by the first word of their names."""
    return {one.name.partition("@")[0]: one for one in ask(settings, Workers.all)}


def named(settings: Settings, name: str) -> str:
    return until(lambda: crew(settings).get(name)).name


def drain(settings: Settings, name: str) -> None:
    """Have a worker drain, and wait until it is."""
    whole = named(settings, name)
    ask(settings, lambda workers: workers.drain(whole, reason="oscar: a new kernel"))
    until(lambda: crew(settings)[name].shift is Shift.DRAINED)


def resume(settings: Settings, name: str) -> None:
    whole = named(settings, name)
    ask(settings, lambda workers: workers.resume(whole))
    until(lambda: crew(settings)[name].shift is Shift.WORKING)


def send(settings: Settings, count: int) -> list[str]:
    """Admit messages, and ring for each: a take of these workers is one message."""
    ids = admit(settings, [new_message() for _ in range(count)])
    with redis.Redis.from_url(settings.redis_url) as client:
        client.lpush(Queue.SUBMIT, *(ring(Queue.SUBMIT) for _ in range(count)))
    return ids


def all_sent(carrier: Carrier, ids: list[str]) -> None:
    """Wait until each message is with the carrier; none was sent twice."""
    until(lambda: len(carrier.tags()) >= len(ids))
    assert sorted(tag.partition(".")[0] for tag in carrier.tags()) == sorted(ids)


def test_a_drained_worker_takes_nothing_others_take_it_all_and_resumed_it_takes_again(
    prepared: Callable[..., Settings], carrier: Carrier, start: Starting
) -> None:
    settings = prepared()
    one, two = start(settings, "one"), start(settings, "two")
    drain(settings, "one")
    before = crew(settings)
    assert before["one"].reason == "oscar: a new kernel"
    assert before["two"].shift is Shift.WORKING
    with open_sync(settings.redis_url, settings) as client:
        two.process.send_signal(signal.SIGSTOP)  # nobody else is quicker: it would take them, if it took any
        ids = send(settings, 40)
        assert client.llen(Queue.SUBMIT) >= 40
        two.process.send_signal(signal.SIGCONT)
        all_sent(carrier, ids)
    # A worker's word is some seconds old.
    until(lambda: crew(settings)["two"].done >= before["two"].done + 40)
    after = crew(settings)["one"]
    assert (after.done, after.failed, after.shift) == (before["one"].done, 0, Shift.DRAINED)
    assert one.process.poll() is None, "it lived on"
    resume(settings, "one")
    drain(settings, "two")
    carrier.clear()
    all_sent(carrier, send(settings, 10))
    until(lambda: crew(settings)["one"].done >= before["one"].done + 10)


def test_it_finishes_what_it_has_and_what_it_was_given_before_is_stuck_nowhere(
    prepared: Callable[..., Settings], carrier: Carrier, start: Starting, ending: ExitStack
) -> None:
    settings = prepared()
    start(settings, "one")
    name = named(settings, "one")
    carrier.faults(latency_ms=8000)  # their takes do not wait for so long
    ids = send(settings, SLOTS * 3)
    until(lambda: crew(settings)["one"].busy == SLOTS)
    ask(settings, lambda workers: workers.drain(name, reason="oscar: a new kernel"))
    database = Database(settings.database)
    ending.callback(database.close)

    def under_way() -> int:
        found = database.read(lambda sql: messages.load(sql, ids))
        return sum(one.status is Status.SUBMITTING for one in found.values())

    assert under_way() >= SLOTS
    until(lambda: crew(settings)["one"].shift is Shift.DRAINED)
    assert under_way() == 0, "drained means that nothing is"
    start(settings, "two")
    all_sent(carrier, ids)


def test_drained_and_killed_it_loses_nothing_and_started_again_it_works(
    prepared: Callable[..., Settings], carrier: Carrier, start: Starting
) -> None:
    settings = prepared()
    one = start(settings, "one")
    drain(settings, "one")
    ids = send(settings, 8)
    one.process.kill()
    one.process.wait()
    assert carrier.tags() == []
    start(settings, "one")
    all_sent(carrier, ids)
    until(lambda: crew(settings)["one"].shift is Shift.WORKING)
    assert crew(settings)["one"].reason == ""


def test_drained_it_ends_as_it_should_and_its_wish_with_it(
    prepared: Callable[..., Settings], start: Starting
) -> None:
    settings = prepared()
    one = start(settings, "one")
    drain(settings, "one")
    with open_sync(settings.redis_url, settings) as client:
        assert client.hlen("workers:drains") == 1
        assert 0 < client.pttl("workers:drains") <= presence.LIFE_MS
        one.process.send_signal(signal.SIGTERM)
        assert one.process.wait(60) == 0
        assert client.hlen("workers:drains") == 0


def test_it_stays_drained_when_redis_was_away_and_works_when_resumed_and_away_again(
    prepared: Callable[..., Settings],
    carrier: Carrier,
    start: Starting,
    own_redis: Callable[..., RedisServer],
) -> None:
    server = own_redis()
    settings = prepared(redis_url=f"{server.url}/0")
    start(settings, "one")
    drain(settings, "one")
    server.kill()
    server.start()
    heard = crew(settings)["one"].silent_s
    until(lambda: crew(settings)["one"].silent_s < heard)  # it speaks again
    ids = send(settings, 8)
    start(settings, "two")
    until(lambda: len(carrier.tags()) == 8)
    until(lambda: crew(settings)["two"].done >= 8)
    assert crew(settings)["one"].done == 0
    drain(settings, "two")
    resume(settings, "one")
    server.kill()
    server.start()
    all_sent(carrier, [*ids, *send(settings, 8)])
