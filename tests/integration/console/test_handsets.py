"""The simulator's phones as an inbox: what was said, to whom it is shown, and what makes the carrier fail."""

import asyncio
import re

from aiohttp import FormData

from tests.integration.console.conftest import Console, Opening
from tests.integration.console.filling import HOSTILE, picture
from tests.integration.console.handheld import answer_back, send, store

PHONE = "+12025550101"
PAGE = "/console/handsets/%2B12025550101"


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
        page = await one.get(PAGE)
        assert "Nothing has come here yet" in page.seen
        form = FormData({"token": one.token, "to": "+12025550150", "text": HOSTILE})
        form.add_field("picture", picture(), filename=f"{HOSTILE}.png", content_type="image/png")
        assert (await one.post(f"{PAGE}/reply", form)).status == 303
        async with one.client.get(f"{simulator}/sim/stats") as answer:
            assert (await answer.json())["webhooks"]["nowhere"] == 1, "it was posted, to nobody"
        assert (await one.post(f"{PAGE}/reply", {"to": "me", "text": "x"})).status == 422
        assert (await one.get("/console/handsets/nobody")).status == 404


async def test_a_phone_shows_parts_as_their_layout_says_and_files_to_who_may_read_them(
    opening: Opening, simulator: str
) -> None:
    layout = b'<smil><body><par><img src="b.png"/></par><par><audio src="a.amr"/></par></body></smil>'
    files = (
        ("1-a.amr", b"#!AMR\n", "audio/amr"),
        ("2-b.png", picture(), "image/png"),
        ("3-c.vcf", b"BEGIN:VCARD", "text/vcard"),
        ("4-d.txt", HOSTILE.encode(), "text/plain"),
        ("5-e.smil", layout.replace(b"b.png", b"2-b.png").replace(b"a.amr", b"1-a.amr"), "application/smil"),
    )
    links = [await store(simulator, *file) for file in files]
    await send(simulator, to=PHONE, media=(*links, "https://elsewhere.example/f.png"))
    async with opening(simulator_url=simulator) as console:
        one, other = await console.person("connie"), await console.person("vera")
        page = await one.get(PAGE)
        assert "<script>alert" not in page.text
        assert re.findall(r'(?:src|href)="/console/handsets/%2B12025550101/([^"]+)"', page.text) == [
            "pictures/got/1/1",
            "files/got/1/0",
            "files/got/1/2",
        ], (
            "what slides name comes first, the layout and texts are no files, nothing is fetched from elsewhere"
        )
        assert page.seen.count(HOSTILE) == 2, "the message's text, and the part of text"
        for words in ("Audio audio/amr, 6 B", "Contact card text/vcard, 11 B", "File that lies elsewhere"):
            assert words in page.seen
        async with one.client.get(f"{one.url}{PAGE}/pictures/got/1/1") as shown:
            assert (shown.status, shown.headers["Content-Type"]) == (200, "image/png")
            assert "sandbox" in shown.headers["Content-Security-Policy"]
            assert (await shown.read()).startswith(b"\x89PNG")
        card = await one.get(f"{PAGE}/files/got/1/2")
        assert (card.status, card.text) == (200, "BEGIN:VCARD")
        assert card.headers["Content-Disposition"] == "attachment; filename*=UTF-8''3-c.vcf"
        assert card.headers["Content-Type"] == "application/octet-stream"
        for wrong in ("got/1/5", "got/1/9", "got/x/1", "got/-1/1", "got/2/1", "wrote/1/1", "odd/1/1"):
            assert (await one.get(f"{PAGE}/files/{wrong}")).status == 404, wrong
        assert (await one.get(f"{PAGE[:-1]}2/files/got/1/2")).status == 404, "it is another phone's"
        assert (await other.get(f"{PAGE}/files/got/1/2")).status == 403
        page = await other.get(PAGE)
        assert "/files/" not in page.text
        assert "/pictures/" not in page.text


async def test_what_a_phone_wrote_is_told_with_what_it_got_by_time(opening: Opening, simulator: str) -> None:
    await send(simulator, to=PHONE, text="first")
    async with opening(simulator_url=simulator) as console:
        one = await console.person("ada")
        form = FormData({"token": one.token, "to": "12025550150", "text": "second"})
        form.add_field("picture", picture(), filename="me.png", content_type="image/png")
        assert (await one.post(f"{PAGE}/reply", form)).status == 303
        await send(simulator, to=PHONE, text="third")
        page = await one.get(f"{PAGE}?piece=now")
        assert "<html" not in page.text
        assert re.findall(r'<div class="(said|heard)"', page.text) == ["said", "heard", "said"]
        assert re.search("first .* second .* third", page.seen)
        (shown,) = re.findall(r'src="([^"]+/pictures/wrote/[^"]+)"', page.text)
        async with one.client.get(one.url + shown) as drawn:
            assert drawn.status == 200
        assert "it wrote" not in (await one.get("/console/handsets")).seen, "the last counts there"
        async with one.client.delete(f"{simulator}/sim/state") as answer:
            assert answer.status == 204
        assert "Nothing has come here yet" in (await one.get(PAGE)).seen


async def test_a_phone_that_got_nothing_yet_is_taken_and_writes(opening: Opening, simulator: str) -> None:
    async with opening(simulator_url=simulator) as console:
        one = await console.person("oscar")
        answer = await one.get("/console/handsets?phone=1%20202%20555%200177")
        assert (answer.status, answer.headers["Location"]) == (303, "/console/handsets/%2B12025550177")
        for wrong in ("nobody", "%2B1", "//evil.example"):
            assert (await one.get(f"/console/handsets?phone={wrong}")).status == 422
        page = await one.get(answer.headers["Location"])
        assert "Write from this phone" in page.seen
        form = {"to": "+12025550150", "text": "here I am"}
        assert (await one.post("/console/handsets/%2B12025550177/reply", form)).status == 303
        assert (
            "+12025550177 it wrote (9 characters) +12025550150" in (await one.get("/console/handsets")).seen
        )


async def test_open_pages_are_told_when_something_is_said(opening: Opening, simulator: str) -> None:
    async with opening(simulator_url=simulator) as console:
        one = await console.person()

        async def told(**headers: str) -> str:
            async with one.client.get(f"{one.url}/console/handsets-live", headers=headers) as answer:
                async for line in answer.content:
                    if line.startswith(b"id: "):
                        return line[4:].decode().strip()
            return ""

        first = await told()
        waiting = asyncio.create_task(told(**{"Last-Event-ID": first}))
        await asyncio.sleep(1.5)
        assert not waiting.done(), "nothing was said"
        await answer_back(simulator, phone=PHONE)
        second = await asyncio.wait_for(waiting, 15)
        await send(simulator, to=PHONE)
        assert len({first, second, await told()}) == 3


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
