"""The stream that tells open pages of changes, and the simulator's phones."""

import asyncio
import re
from typing import Any

from aiohttp import FormData

from tests.integration.console.conftest import Console, Opening, Person
from tests.integration.console.filling import HOSTILE, fill, picture
from tests.integration.console.handheld import send, store

PHONE = "+12025550101"


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


async def test_without_a_simulator_there_are_no_handsets(console: Console) -> None:
    one = await console.person("ada")
    assert (await one.get("/console/handsets")).status == 404
    assert "Handsets" not in (await one.get()).seen


async def test_a_phone_replies_and_the_dials_are_turned(opening: Opening, simulator: str) -> None:
    async with opening(simulator_url=simulator) as console:
        one, other = await console.person("ada"), await console.person("vera")
        assert "No phone has got anything yet" in (await one.get("/console/handsets")).seen
        dials = {"latency_ms": "5", "errors": "0.25", "drop_events": "1"}
        assert (await other.post("/console/handsets/dials", dials)).status == 403
        for wrong in ({"errors": "2"}, {"latency_ms": "soon"}, {"drop_events": "nan"}):
            assert (await one.post("/console/handsets/dials", wrong)).status == 422
        assert (await one.post("/console/handsets/dials", dials)).status == 303
        async with one.client.get(f"{simulator}/sim/faults") as answer:
            faults = await answer.json()
        assert (faults["latency_ms"], faults["errors"], faults["drop_events"]) == (5, {"503": 0.25}, 1)
        page = await one.get(f"/console/handsets/%2B{PHONE[1:]}")
        assert "Nothing has come here yet" in page.seen
        form = FormData({"token": one.token, "to": "+12025550150", "text": HOSTILE})
        form.add_field("picture", picture(), filename=f"{HOSTILE}.png", content_type="image/png")
        assert (await one.post(f"/console/handsets/%2B{PHONE[1:]}/reply", form)).status == 303
        async with one.client.get(f"{simulator}/sim/stats") as answer:
            assert (await answer.json())["webhooks"]["nowhere"] == 1, "it was posted, to nobody"
        assert (
            await one.post(f"/console/handsets/%2B{PHONE[1:]}/reply", {"to": "me", "text": "x"})
        ).status == 422
        assert (await one.get("/console/handsets/nobody")).status == 404


async def test_a_phone_shows_its_pictures_to_who_may_read_them(opening: Opening, simulator: str) -> None:
    async with opening(simulator_url=simulator) as console:
        one, other = await console.person("connie"), await console.person("vera")
        link = await store(simulator, "a-1-x.png", picture(), "image/png")
        await send(simulator, to=PHONE, media=(link, "https://elsewhere.example/b.png"))
        page = await one.get(f"/console/handsets/%2B{PHONE[1:]}")
        assert "<script>alert" not in page.text
        first, second = re.findall(r'src="(/console/handsets/[^"]+)"', page.text)
        async with one.client.get(one.url + first) as shown:
            assert (shown.status, shown.headers["Content-Type"]) == (200, "image/png")
            assert "sandbox" in shown.headers["Content-Security-Policy"]
            assert (await shown.read()).startswith(b"\x89PNG")
        assert (await one.get(second)).status == 422, "what is not in the simulator's store is not fetched"
        for wrong in ("x", "-1", "9" * 12):
            assert (await one.get(first.rpartition("/")[0] + f"/{wrong}")).status == 404
        assert (await other.get(first)).status == 403
        assert "/pictures/" not in (await other.get(f"/console/handsets/%2B{PHONE[1:]}")).text


async def test_phones_are_masked_for_those_who_neither_read_nor_act(opening: Opening, simulator: str) -> None:
    await send(simulator, to=PHONE)
    async with opening(simulator_url=simulator) as console:
        for name, sees in (("vera", False), ("connie", True), ("oscar", True)):
            one = await console.person(name)
            page = await one.get("/console/handsets")
            assert (PHONE in page.text) is sees
            (link,) = re.findall(r'<a data-row href="([^"]+)"', page.text)
            assert (PHONE[1:] in link) is sees
            page = await one.get(link)
            assert page.status == 200
            assert ("***0101" in page.seen, PHONE in page.seen) == (not sees, sees)
            assert ("+12025550150" in page.seen) is sees
            assert ("alert(1)" in page.seen) is (name == "connie"), "texts are for those who read"
        assert (await one.get("/console/handsets/" + "0" * 32)).status == 404


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
                if line.startswith(b"data: "):
                    return line[6:].decode().strip()
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
