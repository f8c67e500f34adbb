"""Several messages at a time: what can be done is said with its risk first, and then done to each and noted of each."""

import asyncio
import re
from collections.abc import Callable
from html import unescape
from typing import Any

from sqlalchemy import update

from broker.domain.deed import DeedQuery, Noted
from broker.domain.ids import new_id
from broker.domain.status import Status
from broker.storage import audit, messages
from broker.storage.tables import messages as rows
from tests.factories import NOW_MS
from tests.integration.console.conftest import Answer, Console, Opening, Person
from tests.integration.console.filling import NUMBER, Filled, fill, fill_waiting
from tests.integration.console.test_steering import send, standing, unrecorded
from tests.redis_server import RedisServer

FAR_MS = NOW_MS + 10**9
PAGE = "/console/messages/chosen"
WHY = {"reason": "they asked"}


def deeds(console: Console, **which: Any) -> list[Noted]:
    """Return what is on record, the newest first."""
    return console.database.read(lambda sql: audit.page(sql, DeedQuery(**which)))[0]


async def look(one: Person, *ids: str) -> Answer:
    """Open the page about some messages, as the list's own form does."""
    return await one.get(f"{PAGE}?{'&'.join(f'id={name}' for name in ids)}")


def form_of(page: Answer, way: str) -> dict[str, str]:
    """Return the hidden fields of one form of the page."""
    (form,) = re.findall(rf'<form method="post" action="{PAGE}/{way}".*?</form>', page.text, re.DOTALL)
    return {name: unescape(value) for name, value in re.findall(r'name="(\w+)" value="([^"]*)"', form)}


async def fill_in(one: Person, way: str, form: dict[str, str]) -> Answer:
    """Send a form, and return the page that a browser is led to; where that is not kept, the answer is the page."""
    answer = await one.post(f"{PAGE}/{way}", form)
    if answer.status != 303:
        return answer
    assert answer.headers["Location"] == f"{PAGE}/{way}/{form['once']}"
    return await one.get(answer.headers["Location"])


def of_each_kind(console: Console) -> tuple[Filled, str]:
    return fill(console.database, console.settings), fill_waiting(console.database, due_ms=FAR_MS)


async def test_the_list_lets_operators_choose_rows_without_a_script(console: Console) -> None:
    filled, waiting = of_each_kind(console)
    one = await console.person("oscar")
    page = await one.get("/console/messages")
    assert f'<form id="choose" class="bar beneath" action="{PAGE}">' in page.text
    boxes = re.findall(r'<input type="checkbox" form="choose" name="id" value="([^"]+)"', page.text)
    assert set(boxes) == {filled.delivered, filled.rejected, filled.inbound, waiting}
    assert 'id="choose"' not in (await (await console.person("vera")).get("/console/messages")).text


async def test_what_may_be_done_is_told_with_its_number_and_its_risk_and_changes_nothing(
    console: Console,
) -> None:
    filled, waiting = of_each_kind(console)
    nobody = new_id()
    one = await console.person("oscar")
    ids = (filled.delivered, filled.rejected, filled.inbound, waiting, nobody, waiting)
    before = {name: standing(console, name) for name in ids if name != nobody}
    noted = len(deeds(console))
    page = await look(one, *ids)
    assert "5 messages are chosen" in page.seen
    assert "Try now: 1 of 5" in page.seen
    assert "Cancel: 1 of 5" in page.seen
    assert "Send again: 2 of 5" in page.seen
    assert "✓ delivered It was delivered: its recipient gets it twice." in page.seen
    assert "✕ rejected It was refused" in page.seen
    assert "Nothing can be done about 2" in page.seen
    assert "it arrived: there is nothing to send" in page.seen
    assert f"…{nobody[-12:]} there is no such message" in page.seen
    assert form_of(page, "cancel")["ids"] == form_of(page, "retry")["ids"] == waiting
    assert form_of(page, "resend")["ids"].split() == [filled.delivered, filled.rejected]
    assert NUMBER not in page.text
    piece = await one.get(f"{PAGE}?piece=1&id={waiting}")
    assert "<html" not in piece.text
    assert {name: standing(console, name) for name in before} == before
    assert len(deeds(console)) == noted
    assert "Nothing can be done about any of them" in (await look(one, filled.inbound)).seen
    for name in ("vera", "connie"):
        assert (await look(await console.person(name), waiting)).status == 403


async def test_what_is_no_choice_is_refused(console: Console) -> None:
    one = await console.person("oscar")
    for query in ("", "id=", "id=x", "&".join(f"id={new_id()}" for _ in range(51))):
        assert (await one.get(f"{PAGE}?{query}")).status == 422
    waiting = fill_waiting(console.database, due_ms=FAR_MS)
    once = {"once": new_id()}
    for form in (
        {**WHY, **once, "ids": ""},
        {**WHY, **once, "ids": f"{waiting} x"},
        {**once, "ids": waiting},
        {**WHY, "ids": waiting},
    ):
        for way in ("cancel", "retry"):
            assert (await one.post(f"{PAGE}/{way}", form)).status == 422
    good = {**WHY, "ids": waiting, "once": new_id(), "sure": "yes"}
    for change in ({"sure": ""}, {"once": "x"}, {"reason": ""}):
        assert (await one.post(f"{PAGE}/resend", {**good, **change})).status == 422
    assert standing(console, waiting) == (Status.RETRYING, FAR_MS)


async def test_those_that_wait_are_called_back_and_the_others_named_and_each_is_on_record(
    console: Console,
) -> None:
    filled, waiting = of_each_kind(console)
    fresh = await send(console)
    one = await console.person("oscar")
    nobody = new_id()
    form = {**WHY, "once": new_id(), "ids": " ".join((filled.delivered, waiting, nobody, fresh))}
    page = await fill_in(one, "cancel", form)
    assert page.status == 200
    assert "2 are cancelled" in page.seen
    assert "2 are not" in page.seen
    assert "it does not wait any more" in page.seen
    assert [standing(console, name).status for name in (filled.delivered, waiting, fresh)] == [
        Status.DELIVERED,
        Status.CANCELLED,
        Status.CANCELLED,
    ]
    (noted,) = deeds(console, subject=waiting)
    assert (noted.operator, noted.action, noted.reason, noted.refused) == (
        "oscar",
        "messages cancel",
        "they asked",
        "",
    )
    assert [(one.action, one.refused != "") for one in deeds(console, subject=filled.delivered)] == [
        ("messages cancel", True),
        ("messages cancel", False),
    ]
    assert [noted.reason for noted in deeds(console, action="messages chosen cancel")] == ["they asked"]
    assert "oscar: messages cancel, they asked" in (await one.get(f"/console/messages/{waiting}")).seen


async def test_those_that_wait_for_their_next_try_are_due_at_once(console: Console) -> None:
    ids = [fill_waiting(console.database, due_ms=FAR_MS) for _ in range(3)]
    one = await console.person("oscar")
    page = await fill_in(one, "retry", {**WHY, **form_of(await look(one, *ids[:2]), "retry")})
    assert "2 are to be tried now" in page.seen
    assert [standing(console, name).due_at < FAR_MS - 10**8 for name in ids] == [True, True, False]


async def test_several_are_sent_again_each_once_however_often_the_form_comes(console: Console) -> None:
    filled = fill(console.database, console.settings)
    one = await console.person("oscar")
    form = {**form_of(await look(one, filled.delivered, filled.rejected), "resend"), **WHY, "sure": "yes"}
    sent = []
    for _ in range(2):
        page = await fill_in(one, "resend", form)
        assert "2 are sent again" in page.seen
        sent.append(re.findall(r'as <a class="mono" href="/console/messages/([^"]+)"', page.text))
    assert sent[0] == sent[1]
    assert len(set(sent[0])) == 2
    for old, name in zip((filled.delivered, filled.rejected), sent[0], strict=True):
        new = await unrecorded(console, name)
        first = console.database.read(lambda sql, one=old: messages.load(sql, [one]))[old]
        assert (new.text, new.recipient) == (first.text, first.recipient)
        assert ("resend_of", old) in [(tag.name, tag.value) for tag in new.tags]
        assert [noted.details for noted in deeds(console, subject=old, action="messages resent")] == [
            {"as": name}
        ]


async def test_what_cannot_be_done_now_stops_the_rest_and_says_so(
    opening: Opening, own_redis: Callable[..., RedisServer]
) -> None:
    server = own_redis("--maxmemory", "100mb")
    async with opening(redis_url=server.url, redis_memory_watermark=0.001) as console:
        filled = fill(console.database, console.settings)
        one = await console.person("oscar")
        form = {**WHY, "sure": "yes", "ids": f"{filled.delivered} {filled.rejected}"}
        async with asyncio.timeout(20):
            while "2 are not" not in (page := await fill_in(one, "resend", {**form, "once": new_id()})).seen:
                pass
        assert page.status == 200
        assert "the store is nearly full" in page.seen
        assert page.seen.count("not tried: what came before it could not be done now") == 1
        assert deeds(console, subject=filled.delivered)[0].refused == "the store is nearly full"
        assert [noted.refused for noted in deeds(console, subject=filled.rejected) if noted.refused] == []


async def test_a_form_that_comes_again_is_no_second_deed(console: Console) -> None:
    waiting, other = (fill_waiting(console.database, due_ms=FAR_MS) for _ in range(2))
    one = await console.person("oscar")
    form = {**form_of(await look(one, waiting), "retry"), **WHY}
    assert "1 is to be tried now" in (await fill_in(one, "retry", form)).seen
    due = standing(console, waiting).due_at
    again = await fill_in(one, "retry", {**form, "ids": f"{waiting} {other}"})
    assert "2 are to be tried now" in again.seen
    assert standing(console, waiting).due_at == due
    assert standing(console, other).due_at < FAR_MS - 10**8
    assert [len(deeds(console, subject=name, action="messages retry")) for name in (waiting, other)] == [1, 1]
    cancelled = await fill_in(one, "cancel", {**form_of(await look(one, waiting), "cancel"), **form})
    assert "1 is cancelled" in cancelled.seen, "another way is another form"
    assert standing(console, waiting).status == Status.CANCELLED


async def test_what_came_of_a_form_is_a_page_that_can_be_loaded_again_and_does_nothing(
    console: Console,
) -> None:
    filled, waiting = of_each_kind(console)
    one = await console.person("oscar")
    form = {"reason": "+12025550101 asked", "once": new_id(), "ids": f"{filled.delivered} {waiting}"}
    answer = await one.post(f"{PAGE}/cancel", form)
    assert (answer.status, answer.text) == (303, "")
    place = answer.headers["Location"]
    first = await one.get(place)
    assert "1 is cancelled" in first.seen
    assert "1 is not" in first.seen
    assert "5550101" not in first.text
    noted = len(deeds(console))
    assert (await one.get(place)).text == first.text
    assert len(deeds(console)) == noted
    for name in ("vera", "connie"):
        assert (await (await console.person(name)).get(place)).status == 403
    async with one.client.head(one.url + place) as head:
        assert head.status == 200


async def test_what_came_of_a_form_is_kept_for_its_sender_and_for_a_while_and_then_the_page_says_so(
    opening: Opening, own_redis: Callable[..., RedisServer]
) -> None:
    server = own_redis()
    async with opening(redis_url=server.url) as console:
        waiting = fill_waiting(console.database, due_ms=FAR_MS)
        one = await console.person("oscar")
        form = {**form_of(await look(one, waiting), "cancel"), **WHY}
        place = (await one.post(f"{PAGE}/cancel", form)).headers["Location"]

        async def gone(person: Person, at: str = place) -> str:
            page = await person.get(at)
            assert page.status == 404
            assert "What came of this form is not known here" in page.seen
            return unescape(re.findall(r'href="(/console/audit\?[^"]+)"', page.text)[0])

        ada = await console.person("ada")
        await gone(ada)
        with server.client() as client:
            (key,) = client.keys("outcome:*")
            assert 0 < client.ttl(key) <= 3600
            assert client.delete(key) == 1
        noted = await one.get(await gone(one))
        assert waiting in noted.text
        await gone(one, f"{PAGE}/retry/{form['once']}")
        await gone(one, f"{PAGE}/cancel/{new_id()}")
        for wrong in (f"{PAGE}/cancel/x", f"{PAGE}/remove/{form['once']}"):
            assert "here is no such form" in (page := await one.get(wrong)).seen
            assert page.status == 404


async def test_a_page_that_answers_a_form_leads_back_to_itself(console: Console) -> None:
    waiting = fill_waiting(console.database, due_ms=FAR_MS)
    one = await console.person("oscar")
    form = {**form_of(await look(one, waiting), "cancel"), **WHY}
    page = await fill_in(one, "cancel", form)
    (back,) = re.findall(r'name="back" value="([^"]+)"', page.text)
    assert back == f"{PAGE}/cancel/{form['once']}"
    painted = await one.post("/console/theme", {"theme": "dark", "back": back})
    assert (await one.get(painted.headers["Location"])).status == 200


async def test_what_was_sent_again_is_told_although_the_second_note_of_it_fails(console: Console) -> None:
    filled = fill(console.database, console.settings)
    one = await console.person("oscar")
    refuse = "CREATE TRIGGER refuse BEFORE INSERT ON audit WHEN NEW.action = '{}' BEGIN SELECT RAISE(ABORT, 'no'); END"
    console.database.write(lambda sql: sql.exec_driver_sql(refuse.format("messages resent")))
    form = {**form_of(await look(one, filled.delivered, filled.rejected), "resend"), **WHY, "sure": "yes"}
    page = await fill_in(one, "resend", form)
    assert "2 are sent again" in page.seen
    assert "Repeat this form" not in page.seen
    sent = re.findall(r'as <a class="mono" href="/console/messages/([^"]+)"', page.text)
    assert [(await unrecorded(console, name)).id for name in sent] == sent
    assert deeds(console, subject=filled.delivered, action="messages resent") == []
    assert [deed.refused for deed in deeds(console, subject=filled.delivered, action="messages resend")] == [
        ""
    ]


async def test_what_breaks_in_the_middle_is_told_as_not_known_and_the_form_can_be_repeated(
    console: Console,
) -> None:
    filled = fill(console.database, console.settings)
    third = fill(console.database, console.settings).delivered
    one = await console.person("oscar")
    ids = (filled.delivered, filled.rejected, third)
    form = {**form_of(await look(one, *ids), "resend"), **WHY, "sure": "yes"}
    mend = update(rows).where(rows.c.id == filled.rejected)
    console.database.write(lambda sql: sql.execute(mend.values(status="nonsense")))
    page = await fill_in(one, "resend", form)
    assert page.status == 200
    assert "1 is sent again" in page.seen
    assert "1 may be sent again, or not" in page.seen
    assert "1 are not" not in page.seen
    assert "1 is not" in page.seen
    assert page.seen.count("not tried: what came before it could not be done now") == 1
    (sent,) = re.findall(r'as <a class="mono" href="/console/messages/([^"]+)"', page.text)
    console.database.write(lambda sql: sql.execute(mend.values(status=Status.FAILED)))
    repeat = {name: value for name, value in form_of(page, "resend").items() if name != "token"}
    assert repeat == {name: value for name, value in form.items() if name != "token"}
    page = await fill_in(one, "resend", repeat)
    assert "3 are sent again" in page.seen
    again = re.findall(r'as <a class="mono" href="/console/messages/([^"]+)"', page.text)
    assert again[0] == sent
    assert len(set(again)) == 3
    assert len(deeds(console, subject=filled.delivered, action="messages resend")) == 1


async def test_what_redis_took_without_an_answer_may_be_done_and_is_not_called_left(
    opening: Opening, own_redis: Callable[..., RedisServer]
) -> None:
    server = own_redis()
    async with opening(redis_url=server.url) as console:
        filled = fill(console.database, console.settings)
        one = await console.person("oscar")
        form = {**form_of(await look(one, filled.delivered, filled.rejected), "resend"), **WHY, "sure": "yes"}
        with server.client() as client:
            client.client_pause(60_000, all=False)
            page = await fill_in(one, "resend", form)
            client.client_unpause()
        assert "1 may be sent again, or not" in page.seen
        assert page.seen.count("may be done") == 1
        assert page.seen.count("not tried: what came before it could not be done now") == 1
        page = await fill_in(one, "resend", form)
        assert "2 are sent again" in page.seen
