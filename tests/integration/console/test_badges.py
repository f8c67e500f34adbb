"""What needs a person is a number beside its page's name, and a message's page leads to its trace."""

import asyncio
import re
from typing import Any

import orjson
import pytest
from aiohttp import ClientResponse
from pydantic import ValidationError

from broker.domain.ids import new_id
from broker.domain.status import Event
from broker.keyspace.client import open_sync
from broker.settings import Settings
from broker.storage import messages
from broker.storage.messages import Fresh
from tests.factories import NOW_MS, make_message
from tests.integration.console.conftest import Answer, Console, Opening
from tests.integration.console.filling import fill

TRACE = "0af7651916cd43dd8448eb211c80319c"
PARENT = f"00-{TRACE}-b7ad6b7169203331-01"


def badges(page: Answer) -> dict[str, tuple[str, int]]:
    """Return the numbers in the navigation, with how they are to be taken."""
    found = re.findall(
        r'<a href="(/console/[a-z-]+)"[^>]*>[^<]*<span class="badge (\w+)">([\d,]+)<', page.text
    )
    return {path: (tone, int(number)) for path, tone, number in found}


async def test_pages_tell_how_much_there_needs_a_person(console: Console) -> None:
    fill(console.database, console.settings)
    one = await console.person("oscar")
    page = await one.get("/console/accounts")
    assert badges(page) == {"/console/dead-letters": ("bad", 1)}
    assert "Dead letters 1 needs a person" in page.seen
    await one.post("/console/connections/bandwidth-1/pause", {"reason": "they asked"})
    async with asyncio.timeout(30):
        while "/console/connections" not in badges(page):
            page = await one.get("/console/accounts")
    assert badges(page)["/console/connections"] == ("odd", 1)
    strip = re.findall(r'href="([^"]+)">Look', (await one.get("/console/?window=all")).text)
    assert strip == ["/console/connections/bandwidth-1", "/console/dead-letters"], (
        "the same as the overview says"
    )


async def test_where_nothing_needs_a_person_there_is_no_number(console: Console) -> None:
    one = await console.person()
    assert badges(await one.get("/console/queues")) == {}
    assert "a person" not in (await one.get("/console/queues")).seen


async def test_open_pages_are_told_of_badges_as_they_change(console: Console) -> None:
    fill(console.database, console.settings)
    one = await console.person("oscar")
    letter = {"/console/dead-letters": ["1", "needs a person", "bad"]}
    asked = await one.get("/console/badges")
    assert (orjson.loads(asked.text), asked.headers["Cache-Control"]) == (letter, "no-store")
    for path in ("/console/live", "/console/messages-live"):
        async with asyncio.timeout(60), one.client.get(one.url + path) as answer:
            assert await told(answer) == letter
            await one.post("/console/connections/bandwidth-1/pause", {"reason": "they asked"})
            stopped = {"/console/connections": ["1", "needs a person", "odd"], **letter}
            assert await told(answer) == stopped, "only what is new is told"
            await one.post("/console/connections/bandwidth-1/resume", {"reason": "they are done"})
            assert await told(answer) == letter


async def told(answer: ClientResponse) -> Any:
    """Return the next badges that a stream tells of; they have no id, so what was seen of the page stands."""
    before = b""
    async for line in answer.content:
        if line == b"event: badges\n":
            assert not before.startswith(b"id:")
            return orjson.loads((await answer.content.readline()).removeprefix(b"data: "))
        before = line
    raise AssertionError("the stream is over")


async def test_who_asks_for_badges_stays_signed_in_no_longer_for_it(console: Console) -> None:
    one = await console.person()
    with open_sync(console.settings.redis_url, console.settings) as client:
        (session,) = client.keys("session:*")
        client.pexpire(session, 60_000)
        for _ in range(3):
            assert (await one.get("/console/badges")).status == 200
        assert 0 < client.pttl(session) <= 60_000
        client.delete(session)
    assert (await one.get("/console/badges", headers={"Sec-Fetch-Mode": "cors"})).status == 401


async def test_while_nobody_can_say_no_badge_is_told_of(opening: Opening, own_redis: Any) -> None:
    server = own_redis()
    async with opening(redis_url=f"{server.url}/0") as console:
        one = await console.person()
        server.kill()
        assert (await one.get("/console/badges")).status == 503


def traced(console: Console, parent: str) -> str:
    one = make_message(id=new_id(), trace=parent)
    fresh = Fresh(message=one, event=Event.CLAIM, due_at=NOW_MS)
    console.database.write(lambda sql: messages.add(sql, [fresh]))
    return f"/console/messages/{one.id}"


async def test_a_message_leads_to_its_trace_where_a_viewer_is_named(opening: Opening) -> None:
    async with opening(trace_url='https://traces.example/a"b/{trace_id}?of={trace_id}') as console:
        one = await console.person()
        page = await one.get(traced(console, PARENT))
        assert f'href="https://traces.example/a&#34;b/{TRACE}?of={TRACE}" rel="noreferrer"' in page.text
        for parent in ("", f"00-{TRACE}", PARENT.replace("7", "/")):
            assert "traces.example" not in (await one.get(traced(console, parent))).text


async def test_without_a_viewer_the_name_of_the_trace_is_all(console: Console) -> None:
    one = await console.person()
    assert f"Trace {TRACE} " in (await one.get(traced(console, PARENT))).seen
    assert "Trace" not in (await one.get(traced(console, ""))).seen


@pytest.mark.parametrize("url", ["https://traces.example/", "javascript:alert({trace_id})", "{trace_id}"])
def test_what_leads_to_no_trace_is_refused(url: str) -> None:
    with pytest.raises(ValidationError, match="trace_id"):
        Settings(trace_url=url)
