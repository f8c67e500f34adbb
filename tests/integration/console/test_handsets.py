"""The simulator's phones as an inbox: what was said, to whom it is shown, and what makes the carrier fail."""

import asyncio
import re
from typing import Any

from aiohttp import FormData

from broker.console.dials import DIALS, turned
from broker.simulator.faults import Faults
from tests.integration.console.conftest import Console, Opening
from tests.integration.console.filling import HOSTILE, picture
from tests.integration.console.handheld import answer_back, send, store

PHONE = "+12025550101"
PAGE = "/console/handsets/%2B12025550101"


async def test_without_a_simulator_there_are_no_handsets(console: Console) -> None:
    one = await console.person("ada")
    assert (await one.get("/console/handsets")).status == 404
    assert "Handsets" not in (await one.get()).seen


async def test_a_phone_replies_with_a_picture(opening: Opening, simulator: str) -> None:
    async with opening(simulator_url=simulator) as console:
        one = await console.person("ada")
        assert "No phone has got anything yet" in (await one.get("/console/handsets")).seen
        assert "Nothing has come here yet" in (await one.get(PAGE)).seen
        form = FormData({"token": one.token, "to": "+12025550150", "text": HOSTILE})
        form.add_field("picture", picture(), filename=f"{HOSTILE}.png", content_type="image/png")
        assert (await one.post(f"{PAGE}/reply", form)).status == 303
        async with one.client.get(f"{simulator}/sim/stats") as answer:
            assert (await answer.json())["webhooks"]["nowhere"] == 1, "it was posted, to nobody"
        assert (await one.post(f"{PAGE}/reply", {"to": "me", "text": "x"})).status == 422
        assert (await one.get("/console/handsets/nobody")).status == 404


TURNED = {
    "latency_ms": "5",
    "latency_jitter_ms": "2.5",
    "throttle_rate": "100",
    "retry_after_s": "3",
    "errors": "503=0.25, 429=0.1",
    "next_statuses": "503 500",
    "html_errors": "yes",
    "drop_before_accept": "0.1",
    "accept_then_drop": "0.2",
    "no_id": "0.3",
    "event_delay_ms": "0",
    "events_before_answer": "yes",
    "duplicate_events": "0.4",
    "reorder_events": "0.5",
    "drop_events": "1",
    "failures": "4720=0.1 4470=0.05",
    "recipient_failures": "+12025550101=4720\r\n+12025550102=9999",
    "broken_media": "cut",
    "broken_media_count": "2",
    "upload_errors": "500=0.5",
    "fetch_media": "yes",
    "token_fail": "0.6",
    "token_errors": "503=0.5",
    "token_life_s": "60",
    "revoke_tokens": "yes",
}
STAND = {
    "latency_ms": 5,
    "latency_jitter_ms": 2.5,
    "throttle_rate": 100,
    "retry_after_s": 3,
    "errors": {"503": 0.25, "429": 0.1},
    "next_statuses": [503, 500],
    "html_errors": True,
    "drop_before_accept": 0.1,
    "accept_then_drop": 0.2,
    "no_id": 0.3,
    "event_delay_ms": 0,
    "events_before_answer": True,
    "duplicate_events": 0.4,
    "reorder_events": 0.5,
    "drop_events": 1,
    "failures": {"4720": 0.1, "4470": 0.05},
    "recipient_failures": {"+12025550101": 4720, "+12025550102": 9999},
    "broken_media": "cut",
    "broken_media_count": 2,
    "upload_errors": {"500": 0.5},
    "fetch_media": False,
    "token_fail": 0.6,
    "token_errors": {"503": 0.5},
    "token_life_s": 60,
    "revoke_tokens": True,
}


async def test_each_dial_is_turned_shown_as_it_stands_and_all_are_off_at_once(
    opening: Opening, simulator: str
) -> None:
    async with opening(simulator_url=simulator) as console:
        one, other = await console.person("oscar"), await console.person("vera")

        async def faults() -> dict[str, Any]:
            async with one.client.get(f"{simulator}/sim/faults") as answer:
                return dict(await answer.json())

        calm = await faults()
        left = {"seed": 7, "webhook_auth": "none", "revoked_secrets": ["old"]}
        async with one.client.put(f"{simulator}/sim/faults", json=left) as answer:
            assert answer.status == 200
        assert (await other.post("/console/handsets/dials", TURNED)).status == 403
        assert (await one.post("/console/handsets/dials", TURNED)).status == 303
        assert await faults() == {**STAND, **left}, "what has no field here stays as it is"

        page = await one.get("/console/handsets")
        assert "25 dials are turned: Wait before each answer, in ms;" in page.seen
        shown = dict(
            re.findall(r'<input id="d-\w+" name="(\w+)"(?! type="checkbox")[^>]* value="([^"]*)"', page.text)
        )
        lists = {"errors": "503=0.25 429=0.1"}
        apart = {"broken_media", "recipient_failures"}
        plain = {name for name, text in TURNED.items() if text != "yes"} - apart
        assert shown == {name: lists.get(name, TURNED[name]) for name in plain}
        assert '<option value="cut" selected>' in page.text
        assert page.text.count("checked>") == 4
        assert "+12025550101=4720\n+12025550102=9999</textarea>" in page.text
        page = await other.get("/console/handsets")
        assert "25 dials are turned" in page.seen
        assert "=4720" not in page.text

        assert (await one.post("/console/handsets/dials", {"all": "off", **TURNED})).status == 303
        assert await faults() == calm
        assert "every dial is off" in (await one.get("/console/handsets")).seen


async def test_a_dial_that_cannot_be_read_is_named_and_nothing_is_turned(
    opening: Opening, simulator: str
) -> None:
    async with opening(simulator_url=simulator) as console:
        one = await console.person("oscar")
        for name, wrong in (
            ("latency_ms", "soon"),
            ("latency_ms", "60001"),
            ("drop_events", "nan"),
            ("drop_events", "2"),
            ("errors", "0.25"),
            ("errors", "503=2"),
            ("errors", "503=0.6 429=0.6"),
            ("errors", "x=0.1"),
            ("next_statuses", "5 5"),
            ("next_statuses", "503 " * 101),
            ("throttle_rate", "0"),
            ("token_life_s", "1.5"),
            ("broken_media", "<b>"),
            ("recipient_failures", "nobody=4720"),
        ):
            answer = await one.post("/console/handsets/dials", {"drop_before_accept": "1", name: wrong})
            assert answer.status == 422, (name, wrong)
            dial = next(dial for dial in DIALS if dial.name == name)
            assert dial.words in answer.seen
        assert (await one.post("/console/handsets/dials", {"token_life_s": "0"})).status == 422, "as it says"
        assert "every dial is off" in (await one.get("/console/handsets")).seen


def test_every_dial_has_a_field_or_is_left_out_on_purpose() -> None:
    assert set(Faults.model_fields) - {dial.name for dial in DIALS} == {
        "seed",
        "webhook_auth",
        "revoked_secrets",
    }
    calm = Faults().model_dump(mode="json")
    assert {dial.name: dial.rest for dial in DIALS} == {dial.name: calm[dial.name] for dial in DIALS}
    assert turned(calm) == []


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
