"""The form to send: it says what would become of a message, sends it once, and says what is wrong with it."""

import re
from datetime import UTC, datetime, timedelta
from html import unescape
from typing import Any

from aiohttp import FormData
from sqlalchemy import func, select

from broker.domain.deed import DeedQuery
from broker.domain.ids import new_id
from broker.keyspace.client import open_async
from broker.keyspace.unrecorded import Unrecorded
from broker.storage import audit
from broker.storage.tables import messages
from tests.integration.console.conftest import Console, Person
from tests.integration.console.filling import HOSTILE, fill_beside, picture

SEND, CHECK = "/console/send/message", "/console/send/check?piece=1"
PLAIN = {"account": "acme", "to": "+12025550133", "text": "Hello"}


async def named(one: Person) -> str:
    """Return the name of a form."""
    (once,) = re.findall(r'name="once" value="([^"]+)"', (await one.get("/console/send")).text)
    return once


async def sent(console: Console, path: str) -> Any:
    """Return the message that a page was led to, from Redis, where it waits."""
    client = open_async(console.settings.redis_url, console.settings)
    try:
        return await Unrecorded(client).find(path.rpartition("/")[2])
    finally:
        await client.aclose()


async def test_a_message_is_sent_for_an_account_once_however_often_the_form_is(console: Console) -> None:
    one = await console.person("oscar")
    form = {**PLAIN, "once": await named(one), "reference": "r-1"}
    first, second = [await one.post(SEND, form) for _ in range(2)]
    assert (first.status, first.headers["Location"]) == (303, second.headers["Location"])
    message = await sent(console, first.headers["Location"])
    assert (message.account, message.dialect, message.originator, message.recipient, message.text) == (
        "acme",
        "console",
        "+12025550150",
        "+12025550133",
        "Hello",
    )
    assert (await one.post(SEND, {**form, "text": "Other"})).status == 409, "it is another form's name"
    assert (await one.post(SEND, {**PLAIN, "once": "mine"})).status == 422


async def test_several_numbers_a_picture_and_a_time_go_along(console: Console) -> None:
    one = await console.person("oscar")
    later = (datetime.now(UTC) + timedelta(hours=2)).replace(second=0, microsecond=0)
    form = FormData({"token": one.token, "once": await named(one), "account": "acme", "subject": "Look"})
    form.add_field("to", "(202) 555-0133\r\n+12025550134,+12025550135\r\n")
    form.add_field("send_at", later.isoformat()[:16])
    form.add_field("priority", "bulk")
    form.add_field("file2", picture(), filename=f"{HOSTILE}.png", content_type="image/png")
    answer = await one.post(SEND, form)
    assert answer.status == 303, answer.seen
    page = await one.get(answer.headers["Location"])
    assert "3 messages were taken" in page.seen
    client = open_async(console.settings.redis_url, console.settings)
    ids = [name.decode().removeprefix("msg:") for name in await client.keys("msg:*")]
    found = [await Unrecorded(client).find(name) for name in ids]
    await client.aclose()
    assert sorted(one.recipient for one in found if one) == [f"+1202555013{number}" for number in (3, 4, 5)]
    assert {(one.send_at, one.subject, str(one.priority)) for one in found if one} == {
        (later, "Look", "bulk")
    }
    assert {part.content_type for one in found if one for part in one.parts} == {"image/png"}


async def test_what_would_become_of_it_is_said_and_nothing_is_sent(console: Console) -> None:
    one = await console.person("oscar")
    answer = await one.post(CHECK, {**PLAIN, "to": "202 555 0133", "text": "It\u2019s €5 \u2013 ok? 🎉"})
    assert answer.status == 200
    for words in (
        "1 segment: 16 of 70 characters, UCS-2",
        "\u2019 right single quotation mark: ' would do",
        "\u2013 en dash",
        "🎉 party popper",
        "+12025550133",
        "+12025550150",
        "bandwidth-1",
        "It could be sent so.",
    ):
        assert words in answer.seen, words
    assert "€ euro" not in answer.seen, "GSM-7 has it"
    assert "<html" not in answer.text
    assert "./run send --to '202 555 0133'" in unescape(answer.text)
    assert "SMS" in answer.seen
    assert "MMS, 2 files" in (await one.post(CHECK, {**PLAIN, "chosen": "2"})).seen
    whole = await one.post("/console/send/check", {**PLAIN, "text": HOSTILE})
    assert "<h1>Send</h1>" in whole.text
    assert "<script>alert" not in whole.text
    assert unescape(re.findall(r"<textarea id=\"text\"[^>]*>([^<]*)</textarea>", whole.text)[0]) == HOSTILE
    client = open_async(console.settings.redis_url, console.settings)
    assert await client.keys("msg:*") == []
    await client.aclose()
    assert (
        console.database.read(lambda sql: sql.execute(select(func.count()).select_from(messages)).scalar())
        == 0
    )


async def test_what_is_wrong_is_said_beside_its_field_and_the_form_stays_filled_in(console: Console) -> None:
    fill_beside(console.database)
    one = await console.person("oscar")
    once = await named(one)
    for change, field, words in (
        ({"to": "nobody"}, "to", "is not a phone number: nobody"),
        ({"to": ""}, "to", "is required"),
        ({"account": "nemo"}, "", "there is no such account"),
        ({"sender": "+12025550199"}, "sender", "is not a sender of this account"),
        ({"text": " "}, "text", "text or media is required"),
        ({"send_at": "2099-01-01T00:00"}, "send_at", "must be within 366 days"),
        ({"media_url": "http://127.0.0.1/x.png"}, "media_url", ""),
        ({"account": "globex", "subject": "x"}, "", "may not send multimedia messages"),
    ):
        answer = await one.post(SEND, {**PLAIN, "once": once, "reference": "keep me", **change})
        assert answer.status in {403, 404, 422}, (change, answer.seen)
        assert "Nothing was sent." in answer.seen
        assert words in answer.seen, (change, answer.seen)
        assert 'value="keep me"' in answer.text
        assert f'name="once" value="{once}"' in answer.text
        if field:
            assert f'aria-invalid="true" aria-describedby="wrong-{field}"' in answer.text
        if words:
            assert words in (await one.post(CHECK, {**PLAIN, **change})).seen
    noted = console.database.read(lambda sql: audit.page(sql, DeedQuery(action="send message")))[0]
    assert [bool(one.refused) for one in noted] == [True, False] * 8
    assert "Hello" not in str(noted)


async def test_only_operators_send(console: Console) -> None:
    for name in ("vera", "connie"):
        one = await console.person(name)
        assert (await one.get("/console/send")).status == 403
        assert "/console/send" not in (await one.get()).text
        assert (await one.post(SEND, {**PLAIN, "once": new_id()})).status == 403
