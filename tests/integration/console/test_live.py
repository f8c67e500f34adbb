"""The streams that tell open pages of changes."""

import asyncio
import re
from contextlib import AsyncExitStack
from typing import Any

from broker.console.live import MOST
from tests.integration.console.conftest import Console, Opening, Person
from tests.integration.console.filling import fill


async def events(one: Person, wanted: int, **headers: str) -> list[str]:
    """Return the ids of the next events."""
    found: list[str] = []
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    async with one.client.get(f"{one.url}/console/live?window=all", headers=given) as answer:
        assert answer.headers["Content-Type"].startswith("text/event-stream")
        async for line in answer.content:
            if line.startswith(b"id: "):
                found.append(line[4:].decode().strip())
            if len(found) == wanted:
                return found
    return found


async def test_a_change_is_told_and_who_has_seen_it_is_told_nothing(console: Console) -> None:
    one = await console.person()
    (first,) = await events(one, 1)
    waiting = asyncio.create_task(events(one, 1, Last_Event_ID=first))
    await asyncio.sleep(1.5)
    assert not waiting.done(), "nothing has changed"
    fill(console.database, console.settings)
    (second,) = await asyncio.wait_for(waiting, 15)
    assert second != first
    assert await asyncio.wait_for(events(one, 1, Last_Event_ID=first), 15) == [second], (
        "it takes up where it was"
    )


async def test_the_stream_ends_with_the_session(console: Console) -> None:
    one = await console.person()
    waiting = asyncio.create_task(events(one, 100))
    await asyncio.sleep(0.5)
    await one.post("/console/sign-out")
    assert len(await asyncio.wait_for(waiting, 15)) <= 1
    assert (await one.get("/console/live", headers={"Sec-Fetch-Mode": "cors"})).status == 401


async def test_a_script_is_told_whether_its_page_is_still_signed_in(console: Console) -> None:
    one = await console.person()
    asks = {"Sec-Fetch-Mode": "cors"}
    here = await one.get("/console/here", headers=asks)
    assert (here.status, here.text, here.headers["Cache-Control"]) == (204, "", "no-store")
    await one.post("/console/sign-out")
    assert (await one.get("/console/here", headers=asks)).status == 401


async def test_a_list_of_messages_is_told_how_many_are_new_to_it(console: Console) -> None:
    filled = fill(console.database, console.settings)
    one = await console.person()
    page = await one.get("/console/messages?direction=in")
    (path,) = re.findall(r'data-news="([^"]+)"', page.text)
    assert path == f"/console/messages-live?direction=in&amp;than={filled.inbound}"

    async def told(**headers: str) -> str:
        address = one.url + path.replace("&amp;", "&")
        async with one.client.get(address, headers=headers) as answer:
            async for line in answer.content:
                if line == b"event: new\n":
                    return (await answer.content.readline())[6:].decode().strip()
        return ""

    waiting = asyncio.create_task(told())
    await asyncio.sleep(1.5)
    assert not waiting.done(), "nothing is new"
    fill(console.database, console.settings)
    assert await asyncio.wait_for(waiting, 15) == "1", "only what the filters let through counts"
    waiting = asyncio.create_task(told(**{"Last-Event-ID": "1"}))
    await asyncio.sleep(1.5)
    assert not waiting.done(), "who has heard it is not told again"
    fill(console.database, console.settings)
    assert await asyncio.wait_for(waiting, 15) == "2"
    assert "data-news" not in (await one.get(f"/console/messages?cursor={filled.inbound}")).text
    for wrong in ("than=x", "status=odd"):
        assert (await one.get(f"/console/messages-live?{wrong}")).status == 422


async def test_the_newest_rows_of_a_list_are_a_piece_with_the_stream_that_goes_on_from_them(
    console: Console,
) -> None:
    first, second = (fill(console.database, console.settings) for _ in range(2))
    one, other = await console.person("oscar"), await console.person("vera")
    for person, picks in ((one, 2), (other, 0)):
        page = await person.get("/console/messages?direction=in")
        (path,) = re.findall(r'data-rows="([^"]+)"', page.text)
        assert path == "/console/messages?direction=in&amp;piece=rows"
        piece = await person.get(path.replace("&amp;", "&"))
        assert piece.status == 200
        assert "<html" not in piece.text
        assert re.findall(r'data-row href="[^"]+" title="([^"]+)"', piece.text) == [
            second.inbound,
            first.inbound,
        ]
        assert f'data-news="/console/messages-live?direction=in&amp;than={second.inbound}"' in piece.text
        assert piece.text.count('form="choose"') == picks
        assert "<svg" not in piece.text, "when they were made is not counted again"
    assert (await one.get("/console/messages?piece=rows&status=odd")).status == 422
    page = await one.get("/console/messages?direction=in&cursor=" + second.inbound)
    assert "data-rows" not in page.text
    assert 'id="live"' not in page.text


async def test_the_overview_has_a_sentence_for_those_who_listen(console: Console) -> None:
    fill(console.database, console.settings)
    one = await console.person()
    for path in ("/console/?window=all", "/console/?window=all&piece=now"):
        page = await one.get(path)
        assert re.findall(r"<p hidden data-say>([^<]+)</p>", page.text) == [
            "2 accepted, 1 failed, 1 thing needs a person"
        ]
        assert ('aria-live="polite"' in page.text) is ("piece" not in path), (
            "the place itself is never replaced"
        )


async def test_a_stream_ends_without_a_second_answer_in_it_while_redis_is_away(
    opening: Opening, own_redis: Any
) -> None:
    server = own_redis()
    async with opening(redis_url=f"{server.url}/0") as console:
        one = await console.person()
        told: list[bytes] = []
        async with (
            one.client.get(f"{one.url}/console/live?window=15m") as answer,
            one.client.get(f"{one.url}/console/messages-live") as other,
        ):
            while not told or not told[-1].startswith(b"id: "):
                told.append(await answer.content.readline())
            server.kill()
            told += [line async for line in answer.content]
            told += [line async for line in other.content]
        assert not [line for line in told if b"HTTP/" in line or b"Content-Type" in line]
        assert (await one.get("/console/live")).status == 503


async def test_streams_are_bounded_and_those_that_nobody_listens_to_make_room(console: Console) -> None:
    one, other = await console.person(), await console.person()  # a client has a hundred connections
    path = f"{one.url}/console/messages-live"
    async with AsyncExitStack() as open_ones:
        streams = [await open_ones.enter_async_context(other.client.get(path)) for _ in range(MOST)]
        assert {stream.status for stream in streams} == {200}
        refused = await one.get("/console/messages-live")
        assert (refused.status, refused.headers["Retry-After"]) == (503, "1")
    async with asyncio.timeout(10):  # less than it takes until something is written
        while True:
            async with one.client.get(path) as answer:
                if answer.status == 200:
                    break
            await asyncio.sleep(0.1)


async def test_a_stream_without_news_shows_now_and_then_that_it_is_there(console: Console) -> None:
    one = await console.person()
    lines = []
    async with one.client.get(f"{one.url}/console/messages-live") as answer, asyncio.timeout(60):
        async for line in answer.content:
            lines.append(line)
            if line == b":\n":
                break
    badges = [b"event: badges\n", b"data: {}\n"]
    assert [line for line in lines if line.strip()] == [b"retry: 3000\n", *badges, b":\n"]


async def test_streams_end_when_the_process_does(opening: Opening) -> None:
    async with opening() as console:
        one = await console.person()
        console.opened.remove(one.client)  # who stays longer than the process
        answer = await one.client.get(f"{one.url}/console/messages-live")
        assert await answer.content.readline() == b"retry: 3000\n"
    async with one.client, asyncio.timeout(10):
        whole = (b"\n", b"\nevent: badges\ndata: {}\n\n")
        assert await answer.content.read() in whole
