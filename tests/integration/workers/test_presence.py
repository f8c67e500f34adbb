"""A worker says that it is there, what it hears and how it fares, and takes its leave."""

import asyncio
import signal
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import orjson
import pytest

from broker.dispatch import Queue, ring
from broker.keyspace.client import open_async, open_sync
from broker.keyspace.presence import LIFE_MS, Presence, Worker, present
from broker.settings import Settings
from tests.integration.workers.carrier import until
from tests.integration.workers.test_doorbell import Worker as Process

pytestmark = pytest.mark.timeout(240)
ONE = Worker(
    name="w-1@host",
    host="host",
    pid=7,
    queues=("events", "submit"),
    threads=8,
    busy=1,
    done=2,
    failed=0,
    memory=10**8,
    version="1",
    started_ms=1,
)


def listed(settings: Settings) -> list[Worker]:
    async def ask() -> list[Worker]:
        client = open_async(settings.redis_url, settings)
        try:
            return (await present(client))[0]
        finally:
            await client.aclose()

    return asyncio.run(ask())


def test_a_worker_is_listed_while_it_lives_and_has_counted_what_it_did(
    prepared: Callable[..., Settings], tmp_path: Path
) -> None:
    settings = prepared()
    worker = Process(settings, tmp_path, queues="submit,events")
    try:
        until(lambda: len(listed(settings)) == 1)
        (one,) = listed(settings)
        assert (one.pid, one.queues, one.threads, one.failed) == (
            worker.process.pid,
            ("events", "submit"),
            4,
            0,
        )
        assert one.memory > 10**7
        with open_sync(settings.redis_url, settings) as client:
            client.lpush(Queue.EVENTS, ring(Queue.EVENTS))
        until(lambda: listed(settings)[0].done >= 1)
        assert "events" in listed(settings)[0].taken
        worker.process.send_signal(signal.SIGTERM)
        assert worker.process.wait(60) == 0
        assert listed(settings) == []
    finally:
        worker.process.kill()
        worker.process.wait()


def test_a_worker_that_was_killed_is_shown_as_silent_and_forgotten_after_an_hour(
    settings: Settings,
) -> None:
    with open_sync(settings.redis_url, settings) as client:
        known = Presence(client)
        known.say(ONE)
        (one,) = listed(settings)
        assert one.seen_ms > 0
        known.forget()
        assert listed(settings) == [one]
        old = {**asdict(one), "seen_ms": one.seen_ms - LIFE_MS - 1}
        client.hset("workers", one.name, orjson.dumps(old))
        assert listed(settings) == []
        known.forget()
        assert client.hlen("workers") == 0


def test_a_worker_of_another_version_is_shown_with_what_is_known_of_it(settings: Settings) -> None:
    with open_sync(settings.redis_url, settings) as client:
        Presence(client).say(ONE)
        (one,) = listed(settings)
        newer = {**asdict(one), "name": "newer", "mood": "fine"}
        older = {**asdict(one), "name": "older"}
        del older["taken"]
        client.hset("workers", mapping={told["name"]: orjson.dumps(told) for told in (newer, older)})
        assert [each.name for each in listed(settings)] == sorted(["newer", "older", one.name])
