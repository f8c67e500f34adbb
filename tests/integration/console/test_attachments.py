"""Stored files in the console: looked through by message, looked at, downloaded, sent on."""

import re

import pytest

from broker.domain.ids import new_id
from broker.domain.message import PartKind, PartState
from broker.domain.search import FileSearch
from broker.storage import attachments
from broker.storage.tables import parts
from tests.integration.console.conftest import Console, Person
from tests.integration.console.filling import HOSTILE, NUMBER, fill
from tests.integration.console.test_audit import deeds
from tests.redis_server import RedisServer

LIST = "/console/attachments"


async def ids(person: Person, query: str = "") -> list[str]:
    page = await person.get(f"{LIST}?{query}")
    assert page.status == 200, page.seen
    return re.findall(r'title="([0-9a-f-]{36})"', page.text)


async def test_files_are_looked_through_by_message_the_newest_first(console: Console) -> None:
    every = [fill(console.database, console.settings).inbound for _ in range(3)][::-1]
    one = await console.person("vera")
    assert await ids(one) == every
    assert await ids(one, "account=acme") == every
    assert await ids(one, "account=globex") == []
    assert await ids(one, "type=image/") == every
    assert await ids(one, "type=video/") == [], "what was lost is not here"
    assert await ids(one, f"cursor={every[0]}") == every[1:]
    page = await one.get(LIST)
    assert "<img class" not in page.text
    assert "<script>alert" not in page.text
    assert NUMBER not in page.text
    for wrong in ("type=text/html", "cursor=1"):
        assert (await one.get(f"{LIST}?{wrong}")).status == 422


async def test_a_page_of_files_ends_and_the_next_one_begins_after_it(console: Console) -> None:
    every = [fill(console.database, console.settings).inbound for _ in range(5)][::-1]

    def pages(*, limit: int, looked_at: int) -> list[list[str]]:
        found, cursor = [], ""
        while True:
            search = FileSearch(limit=limit, cursor=cursor)
            page = console.database.read(
                lambda sql, search=search: attachments.page(sql, search, looked_at=looked_at)
            )
            found.append([one.id for one in page.messages])
            if not page.older:
                return found
            cursor = page.older

    assert pages(limit=2, looked_at=1000) == [every[:2], every[2:4], every[4:]]
    walked = pages(limit=2, looked_at=3)
    assert [one for page in walked for one in page] == every


async def test_pictures_of_a_page_are_shown_on_request_and_it_is_noted_which(console: Console) -> None:
    older, newer, newest = (fill(console.database, console.settings).inbound for _ in range(3))
    one = await console.person("connie")
    page = await one.get(LIST)
    assert 'class="thumb" loading' not in page.text
    page = await one.post(f"{LIST}/reveal", {"newest": newer, "oldest": older})
    assert re.findall(r'title="([0-9a-f-]{36})"', page.text) == [newer, older]
    pictures = re.findall(r'src="(/console/messages/[^"]+)"', page.text)
    assert len(pictures) == 2
    async with one.client.get(one.url + pictures[0]) as answer:
        assert (await answer.read()).startswith(b"\x89PNG")
        assert "sandbox" in answer.headers["Content-Security-Policy"]
    (noted,) = deeds(console, action="attachments reveal")
    assert (noted.operator, noted.details) == ("connie", {"newest": newer, "oldest": older})
    assert (await one.post(f"{LIST}/reveal", {"newest": newest})).status == 422


async def test_a_picture_is_given_to_nobody_who_was_not_noted(console: Console) -> None:
    filled = fill(console.database, console.settings)
    connie, ada = await console.person("connie"), await console.person("ada")
    page = await connie.post(f"/console/messages/{filled.inbound}/reveal")
    (path,) = re.findall(r'src="(/console/messages/[^"]+)"', page.text)
    plain = path.partition("?")[0]
    assert (await connie.get(plain)).status == 403
    assert (await connie.get(f"{plain}?mark=x")).status == 403
    assert (await ada.get(path)).status == 403, "the mark is one session's"
    other = fill(console.database, console.settings).inbound
    assert (await connie.get(path.replace(filled.inbound, other))).status == 403, "and one message's"


async def test_a_file_is_looked_at_and_downloaded_by_who_may_and_both_are_noted(console: Console) -> None:
    filled = fill(console.database, console.settings)
    path = f"{LIST}/{filled.inbound}/1"
    for name in ("vera", "oscar"):
        other = await console.person(name)
        assert "takes the role content" in (await other.get(path)).seen
        assert (await other.post(f"{path}/look")).status == 403
    one = await console.person("connie")
    assert "Look at it" in (await one.get(path)).seen
    page = await one.post(f"{path}/look")
    (picture,) = re.findall(r'src="(/console/messages/[^"]+/picture[^"]+)"', page.text)
    async with one.client.get(one.url + picture) as answer:
        assert answer.headers["Content-Type"] == "image/png"
    (address,) = re.findall(r'href="(/console/messages/[^"]+/parts/1)"', page.text)
    async with one.client.get(one.url + address) as answer:
        assert answer.headers["Content-Disposition"].startswith("attachment")
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Content-Security-Policy"] == "default-src 'none'; sandbox"
    for action, part in (("attachments look", "1"), ("messages parts download", "1")):
        last = deeds(console, action=action)[0]
        assert (last.operator, last.subject, last.details, last.refused) == (
            "connie",
            filled.inbound,
            {"part": part},
            "",
        )
    assert [noted.refused for noted in deeds(console, action="attachments look")][1:] == [
        "this takes the role content"
    ] * 2


async def test_words_of_a_file_are_shown_as_words(console: Console) -> None:
    filled = fill(console.database, console.settings)
    (file,) = (console.settings.attachments / filled.inbound).iterdir()
    file.write_bytes(HOSTILE.encode() + b"\xff" + b"x" * 100_000)
    console.database.write(
        lambda sql: sql.execute(
            parts.update().where(parts.c.message_id == filled.inbound).values(content_type="text/html")
        )
    )
    one = await console.person("connie")
    page = await one.post(f"{LIST}/{filled.inbound}/1/look")
    assert HOSTILE in page.seen or "alert(1)" in page.seen
    assert "<script>alert" not in page.text
    assert len(page.text) < 80_000


async def test_a_part_is_sent_on_once_as_a_message_of_its_account(
    console: Console, redis_server: RedisServer
) -> None:
    filled = fill(console.database, console.settings)
    one = await console.person("oscar")
    page = await one.get(f"{LIST}/{filled.inbound}/1")
    (once,) = re.findall(r'name="once" value="([^"]+)"', page.text)
    form = {"to": "+1 (202) 555-0199", "sender": "+12025550150", "text": "look at this", "once": once}
    answers = [await one.post(f"{LIST}/{filled.inbound}/1/send", form) for _ in range(2)]
    assert {answer.status for answer in answers} == {303}
    places = {answer.headers["Location"] for answer in answers}
    assert len(places) == 1, "sent twice by one form, it is one message"
    page = await one.get(places.pop())
    assert page.status == 200
    assert "MMS sent" in page.seen
    assert "acme by console" in page.seen
    assert "1 picture" in page.seen or "image/png" in page.seen
    noted = deeds(console, action="attachments send")
    assert [one.details for one in noted] == [
        {"part": "1", "sender": "+1202***0150", "to": "+1 (2***0199"}
    ] * 2


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"to": ""}, 422),
        ({"to": "nobody"}, 422),
        ({"sender": "+12025559999"}, 422),
        ({"once": ""}, 422),
        ({"text": "x" * 1601}, 422),
    ],
    ids=lambda value: str(value)[:20],
)
async def test_what_cannot_be_sent_on_is_refused_and_nothing_is_taken(
    console: Console, change: dict[str, str], status: int
) -> None:
    filled = fill(console.database, console.settings)
    one = await console.person("oscar")
    form = {"to": "+12025550199", "sender": "+12025550150", "once": "1", **change}
    answer = await one.post(f"{LIST}/{filled.inbound}/1/send", form)
    assert answer.status == status, answer.seen
    assert deeds(console, action="attachments send")[0].refused
    form |= {"to": "+12025550199", "sender": "", "text": "", "once": "1"}
    for index in ("2", "9", "x"):
        assert (await one.post(f"{LIST}/{filled.inbound}/{index}/send", form)).status in (404, 422)
    assert (await one.post(f"{LIST}/{new_id()}/1/send", form)).status == 404


async def test_a_layout_is_shown_as_slides_and_nothing_that_it_names_is_fetched(console: Console) -> None:
    filled = fill(console.database, console.settings)
    file = console.settings.attachments / filled.inbound / "3-layout.smil"
    named = f"{HOSTILE}.png".replace("&", "&amp;").replace("<", "&lt;").replace('"', "&quot;")
    shown = f'<par><img src="{named}"/></par><par><img src="http://evil.example/x.png"/></par>'
    file.write_text(f"<smil><body>{shown}</body></smil>")
    row = {
        "message_id": filled.inbound,
        "idx": 3,
        "content_type": "application/smil",
        "name": "layout.smil",
        "kind": PartKind.LAYOUT,
        "state": PartState.STORED,
        "size": file.stat().st_size,
        "sha256": "",
        "path": str(file),
        "error": "",
    }
    console.database.write(lambda sql: sql.execute(parts.insert(), [row]))
    one = await console.person("connie")
    path = f"/console/messages/{filled.inbound}"
    assert "Slide 1" not in (await one.get(path)).seen
    page = await one.post(f"{path}/reveal")
    first, second = page.text.split("<small>Slide ")[1:]
    assert "/parts/1/thumbnail" in first
    assert "http://evil.example/x.png is none of its parts, and is not fetched" in second
    assert 'src="http' not in page.text
    assert "<script>alert" not in page.text
    file.write_text("<!DOCTYPE smil><smil/>")
    assert "Slide 1" not in (await one.post(f"{path}/reveal")).seen
