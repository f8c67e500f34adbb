"""The workers on the queues' page: which there are, how busy, and which have fallen silent."""

import re
from datetime import UTC, datetime, timedelta

import orjson

from broker.dispatch import Queue
from broker.domain.ids import new_id
from broker.domain.message import Priority
from broker.domain.value import replace
from broker.keyspace import keys
from broker.keyspace.client import open_sync
from broker.keyspace.lanes import Lanes, Place, score_of
from broker.keyspace.presence import Presence
from broker.storage import minutes
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


async def test_what_is_next_is_shown_without_taking_it(console: Console) -> None:
    ids = [new_id() for _ in range(25)]
    digest = "ab" * 32
    with open_sync(console.settings.redis_url, console.settings) as client:
        client.zadd(keys.fresh(Queue.SUBMIT), {one: n for n, one in enumerate(ids)})
        client.lpush(keys.ready(Queue.EVENTS), digest, "+12025550101 secret")
        client.zadd(keys.schedule(Queue.SUBMIT), {f"{ids[3]} 5:+12025550150": 1_700_000_000_000})
        score = score_of(Priority.NORMAL, since_ms=1_700_000_060_000, price=1)
        places = [Place(id=ids[4], connection="bandwidth-1", sender="+12025550150", score=score)]
        Lanes(client).add(places, now_ms=0)
        before = {name: client.dump(name) for name in client.keys("*:*") if b"session" not in name}
        one = await console.person("vera")
        page = await one.get("/console/queues/submit?connection=bandwidth-1")
        shown = re.findall(r">([0-9a-f-]{36})</a>", page.text)
        assert shown == [*ids[:20], ids[3], ids[4]]
        assert "2023-11-14 22:13:20" in page.seen
        assert "+1202***0150" in page.seen
        assert "5550150" not in page.text.replace("***0150", "")
        page = await one.get("/console/queues/events")
        assert digest in page.seen
        assert "5550101" not in page.text
        assert "secret" not in page.text
        for path in ("/console/queues/odd", "/console/queues/submit?connection=nobody"):
            assert (await one.get(path)).status == 404
        assert {name: client.dump(name) for name in before} == before


async def test_rates_and_when_a_queue_is_empty_are_told(console: Console) -> None:
    at = datetime.now(UTC).replace(second=0, microsecond=0) - timedelta(minutes=1)
    console.database.write(lambda sql: minutes.see(sql, at, {"submit": 0}))
    one = await console.person("vera")
    before = (await one.get("/console/queues")).seen
    assert re.search(r"submit 0 0 0 0 0 0 0 ms 0.0 0.0 0 ms", before), before
    assert re.search(r"callbacks 0 0 0 0 0 0 0 ms – – –", before), "what is due is found in SQL"  # noqa: RUF001
    with open_sync(console.settings.redis_url, console.settings) as client:
        client.zadd(keys.outbox(Queue.SUBMIT), {new_id(): 2**43 for _ in range(100)})
        assert "nothing goes out" in (await one.get("/console/queues")).seen
        Presence(client).say(replace(ONE, taken={"submit": 50.0}))
    found = re.search(
        r"submit 100 0 0 0 0 0 \S+ \S+ ([\d.]+) 50.0 (2.0 s)", (await one.get("/console/queues")).seen
    )
    assert found
    assert float(found[1]) > 50
    say(console, silent_ms=60_000)
    assert "nothing goes out" in (await one.get("/console/queues")).seen
