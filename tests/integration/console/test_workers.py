"""The workers on the queues' page: which there are, how busy, and which have fallen silent."""

import orjson

from broker.keyspace.client import open_sync
from broker.keyspace.presence import Presence
from tests.integration.console.conftest import Console, Opening
from tests.integration.workers.test_presence import ONE


def say(console: Console, *, silent_ms: int = 0) -> None:
    with open_sync(console.settings.redis_url, console.settings) as client:
        Presence(client).say(ONE)
        told = orjson.loads(client.hget("workers", ONE.name) or b"")
        client.hset("workers", ONE.name, orjson.dumps({**told, "seen_ms": told["seen_ms"] - silent_ms}))


async def test_workers_are_listed_with_what_they_hear_and_how_busy_they_are(opening: Opening) -> None:
    async with opening(flower_url="http://127.0.0.1:5555") as console:
        one = await console.person("vera")
        assert "No worker is there" in (await one.get("/console/queues")).seen
        say(console)
        page = await one.get("/console/queues")
        assert "No worker is there" not in page.seen
        assert "w-1@host ↗ host, process 7 ✓ there events, submit 1 of 8 2 0 100.0 MB" in page.seen
        assert 'href="http://127.0.0.1:5555/worker/w-1%40host"' in page.text


async def test_a_worker_that_fell_silent_is_said_to_be(console: Console) -> None:
    say(console, silent_ms=60_000)
    page = await (await console.person("vera")).get("/console/queues")
    assert "✕ silent for 1 min" in page.seen
