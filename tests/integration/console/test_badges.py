"""What needs a person is a number beside its page's name, and a message's page leads to its trace."""

import asyncio
import re

import pytest
from pydantic import ValidationError

from broker.domain.ids import new_id
from broker.domain.status import Event
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
