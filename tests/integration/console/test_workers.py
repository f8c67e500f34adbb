"""The workers on the queues' page: which there are, how busy, and which have fallen silent."""

import asyncio
import re
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from aiohttp import encode_basic_auth

from broker.cli import workers as commands
from broker.dialects.native.operator_answers import WorkerList
from broker.dispatch import Queue
from broker.domain.ids import new_id
from broker.domain.message import Priority
from broker.domain.shift import Shift
from broker.domain.value import replace
from broker.keyspace import keys
from broker.keyspace.client import open_sync
from broker.keyspace.figures import Figures
from broker.keyspace.lanes import Lanes, Place, score_of
from broker.keyspace.presence import Presence
from broker.storage import minutes
from tests.integration.console.conftest import PASSWORDS, Console, Opening
from tests.integration.console.filling import fill_worker
from tests.integration.workers.test_presence import ONE


async def test_workers_are_listed_with_what_they_hear_and_how_busy_they_are(opening: Opening) -> None:
    async with opening(flower_url="http://127.0.0.1:5555") as console:
        one = await console.person("vera")
        assert "No worker is there" in (await one.get("/console/queues")).seen
        fill_worker(console.settings)
        page = await one.get("/console/queues")
        assert "No worker is there" not in page.seen
        assert "w-1@host ↗ host, process 7 ✓ there events, submit 1 of 8 2 0 100.0 MB" in page.seen
        assert 'href="http://127.0.0.1:5555/worker/w-1%40host"' in page.text


async def test_a_worker_that_fell_silent_is_said_to_be(console: Console) -> None:
    fill_worker(console.settings, silent_ms=60_000)
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
    at = datetime.now(UTC).replace(second=0, microsecond=0) - timedelta(minutes=2)
    one = await console.person("vera")
    assert re.search(r"submit 0 0 0 0 0 0 0 ms – 0.0 0 ms", (await one.get("/console/queues")).seen)  # noqa: RUF001
    console.database.write(lambda sql: minutes.see(sql, at, {"submit": 0, "callbacks": 40}))
    before = (await one.get("/console/queues")).seen
    assert re.search(r"submit 0 0 0 0 0 0 0 ms 0.0 0.0 0 ms", before), before
    with open_sync(console.settings.redis_url, console.settings) as client:
        client.zadd(keys.outbox(Queue.SUBMIT), {new_id(): 2**43 for _ in range(100)})
        Figures(client).stand({"owed": 100})
        client.lpush(Queue.SWEEPS, "a ring", "a ring")
        page = (await one.get("/console/queues")).seen
        assert re.search(r"submit 100 0 0 0 0 0 \S+ \S+ \S+ 0.0 nothing goes out", page)
        Presence(client).say(replace(ONE, taken={"submit": 50.0, "callbacks": 5.0, "sweeps": 0.5}))
    asked = time.time()
    page = (await one.get("/console/queues")).seen
    ago_s = asked - (at + timedelta(minutes=1)).timestamp()
    for row, went, grown, empty in (
        (r"submit 100 0 0 0 0 0 \S+ \S+", 50.0, 100, "2.0 s"),
        (r"callbacks 0 100 owed 0 0 0 0 \S+ \S+", 5.0, 60, "20.0 s"),
        (r"sweeps 0 0 0 0 2 0 \S+ \S+", 0.5, 2, "4.0 s"),
    ):
        found = re.search(rf"{row} ([\d.]+) ([\d.]+) {re.escape(empty)}", page)
        assert found, (row, page)
        assert float(found[2]) == went
        assert float(found[1]) == pytest.approx(went + grown / ago_s, rel=0.1)
    fill_worker(console.settings, silent_ms=60_000)
    assert "nothing goes out" in (await one.get("/console/queues")).seen


DRAIN, RESUME = "/console/workers/w-1%40host/drain", "/console/workers/w-1%40host/resume"


def told(console: Console, shift: Shift, **changes: Any) -> bool:
    """Have the worker say how it stands, and return whether it is to drain."""
    with open_sync(console.settings.redis_url, console.settings) as client:
        return Presence(client).say(replace(ONE, shift=shift, **changes))


async def test_a_worker_is_drained_and_resumed_with_a_reason_and_says_how_far_it_is(console: Console) -> None:
    one = await console.person("oscar")
    assert not told(console, Shift.WORKING)
    page = await one.get("/console/queues")
    assert f'action="{DRAIN}"' in page.text
    assert "No worker takes anything of submit.high, media, callbacks, sweeps:" in page.seen
    assert (await one.post(DRAIN)).status == 422, "it takes a reason"
    answer = await one.post(DRAIN, {"reason": "+12025550101 wants a new kernel"})
    assert (answer.status, answer.headers["Location"]) == (303, "/console/queues#workers")
    page = await one.get("/console/queues")
    assert "! draining oscar: +1202***0101 wants a new kernel" in page.seen
    assert told(console, Shift.WORKING), "it hears of it"
    assert told(console, Shift.DRAINING)
    assert "! draining" in (await one.get("/console/queues")).seen
    assert told(console, Shift.DRAINED)
    page = await one.get("/console/queues")
    assert re.search(r"process 7 \S drained oscar: ", page.seen)
    assert "No worker takes anything of submit.high, submit, media, events, callbacks, sweeps:" in page.seen
    assert f'action="{RESUME}"' in page.text
    assert f'action="{DRAIN}"' not in page.text
    await one.post(RESUME, {"reason": "it is in"})
    assert "! resuming" in (await one.get("/console/queues")).seen
    assert not told(console, Shift.WORKING)
    assert "✓ there" in (await one.get("/console/queues")).seen


async def test_a_wish_is_about_one_process_and_not_about_the_next_of_its_name(console: Console) -> None:
    one = await console.person("oscar")
    told(console, Shift.WORKING)
    await one.post(DRAIN, {"reason": "why"})
    assert not told(console, Shift.WORKING, started_ms=ONE.started_ms + 1)
    page = await one.get("/console/queues")
    assert "✓ there" in page.seen
    assert "oscar: why" not in page.seen


async def test_only_a_worker_that_is_there_can_be_drained(console: Console) -> None:
    one = await console.person("oscar")
    assert (await one.post(DRAIN, {"reason": "why"})).status == 404
    fill_worker(console.settings, silent_ms=60_000)
    answer = await one.post(DRAIN, {"reason": "why"})
    assert (answer.status, "fallen silent" in answer.seen) == (422, True)
    assert DRAIN not in (await one.get("/console/queues")).text
    assert not told(console, Shift.WORKING)
    vera = await console.person("vera")
    assert "Drain" not in (await vera.get("/console/queues")).text


async def test_the_api_lists_drains_and_resumes_workers(
    console: Console, capsys: pytest.CaptureFixture[str]
) -> None:
    told(console, Shift.WORKING)
    one = console.somebody()

    async def call(method: str, path: str, body: Any = None, *, name: str = "oscar") -> tuple[int, Any]:
        headers = {"Authorization": encode_basic_auth(name, PASSWORDS[name])}
        async with one.client.request(
            method, f"{one.url}/v1/workers{path}", json=body, headers=headers
        ) as answer:
            return answer.status, await answer.json()

    status, found = await call("GET", "", name="vera")
    assert status == 200
    (row,) = WorkerList.model_validate(found).data
    assert (row.name, row.state, row.queues, row.reason) == (ONE.name, "working", ["events", "submit"], "")
    for path, body, name, expected in (
        ("/w-1%40host/drain", {"reason": "why"}, "vera", 403),
        ("/w-1%40host/drain", {}, "oscar", 422),
        ("/w-1%40host/drain", {"reason": "why", "until": "soon"}, "oscar", 422),
        ("/nobody/drain", {"reason": "why"}, "oscar", 404),
        ("/nobody/resume", {"reason": "why"}, "oscar", 404),
    ):
        assert (await call("POST", path, body, name=name))[0] == expected
    assert not told(console, Shift.WORKING)
    status, row = await call("POST", "/w-1%40host/drain", {"reason": "why"})
    assert (status, row["state"], row["reason"]) == (200, "draining", "why")
    assert row["since"] is not None
    again = (await call("POST", "/w-1%40host/drain", {"reason": "another"}))[1]
    assert (again["reason"], again["since"]) == ("why", row["since"])
    assert told(console, Shift.DRAINED)
    login = {"url": one.url, "login": f"oscar:{PASSWORDS['oscar']}", "data": console.settings.data_dir}
    await asyncio.to_thread(commands.list_workers, **login)
    assert '"state":"drained"' in capsys.readouterr().out.replace(": ", ":")
    await asyncio.to_thread(commands.resume, ONE.name, "it is in", **login)
    assert "w-1@host is resuming" in capsys.readouterr().out
    assert not told(console, Shift.WORKING)
    await asyncio.to_thread(commands.drain, ONE.name, "once more", **login)
    assert "w-1@host is draining" in capsys.readouterr().out
