"""Dead letters by cause: all of one put back or discarded at a rate, and stopped."""

import re
from datetime import UTC, datetime
from hashlib import sha256
from html import unescape
from typing import Any

from sqlalchemy import Engine, event, select

from broker.domain.dead import LOST, Kind, Letter, Letters, Standing
from broker.domain.deed import DeedQuery
from broker.domain.ids import new_id
from broker.storage import audit, dead, webhooks
from broker.storage.dead import Parking
from broker.storage.dead_tables import dead_letters
from broker.storage.webhooks import Webhook
from tests.factories import NOW
from tests.integration.console.conftest import Console, Person
from tests.integration.console.filling import HOSTILE

LIST, ALL = "/console/dead-letters", "/console/dead-letters/all"


def park(console: Console, number: int, **changes: Any) -> list[str]:
    """Set work aside, and return the ids of the letters."""
    usual: dict[str, Any] = {
        "kind": Kind.WEBHOOK,
        "account": None,
        "connection": "bandwidth-1",
        "at": datetime.now(UTC),
        "tries": 3,
        "error": "ValueError",
    }
    made = [Letter(id=new_id(), subject=new_id(), **{**usual, **changes}) for _ in range(number)]
    console.database.write(lambda sql: dead.park(sql, [Parking(letter=one) for one in made]))
    return [one.id for one in made]


def standings(console: Console) -> dict[str, tuple[str, int | None]]:
    """Return where each letter stands, and when it leaves."""
    rows = select(dead_letters.c.id, dead_letters.c.standing, dead_letters.c.due_at)
    return console.database.read(
        lambda sql: {row.id: (row.standing, row.due_at) for row in sql.execute(rows)}
    )


async def form_of(one: Person, what: str, path: str) -> dict[str, str]:
    """Return the fields of one of the forms of a cause."""
    page = (await one.get(path)).text
    (form,) = [
        piece
        for piece in re.findall(r"<form class=\"filters\".*?</form>", page, re.S)
        if f'"{what}"' in piece
    ]
    return dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', form))


async def test_causes_are_counted_and_lead_to_their_letters(console: Console) -> None:
    many, few = park(console, 3), park(console, 1, error=HOSTILE, kind=Kind.MESSAGE, connection=None)
    one = await console.person("vera")
    page = await one.get(LIST)
    assert "<script>alert" not in page.text
    assert re.search(r"webhook ValueError [^<]+ bandwidth-1 3 letters of ValueError", page.seen)
    first, second = re.findall(r'href="(/console/dead-letters\?kind=[^"]+)"', page.text)
    for path, ids in ((first, many), (second, few)):
        found = (await one.get(path.replace("&amp;", "&"))).text
        assert set(re.findall(r"…([0-9a-f-]{12})</a>|\b([0-9a-f-]{16})…", found)) != set()
        rows = re.findall(r"<tr><td class=\"still\">", found)
        assert len(rows) == len(ids)
        assert "Put all of them back" not in found, "a viewer only looks"
    assert (await one.get(f"{LIST}?kind=parcel")).status == 422


async def test_all_of_a_cause_leave_at_a_rate_after_a_note_of_the_risk(console: Console) -> None:
    mine, others = park(console, 3), park(console, 2, error="KeyError")
    one = await console.person("oscar")
    path = f"{LIST}?kind=webhook&error=ValueError&connection=bandwidth-1"
    assert (
        "3 letters are tried again. What broke may have been half done before" in (await one.get(path)).seen
    )
    form = {**await form_of(one, "put back", path), "reason": "mended", "rate": "2", "sure": "yes"}
    late = park(console, 1)
    for change in (
        {"sure": ""},
        {"reason": ""},
        {"rate": "0"},
        {"error": ""},
        {"until": ""},
        {"what": "eat"},
    ):
        assert (await one.post(ALL, {**form, **change})).status == 422, change
    assert {standing for standing, _ in standings(console).values()} == {Standing.PARKED}
    answer = await one.sent(ALL, form)
    assert "3 letters are on their way" in answer.seen
    found = standings(console)
    assert [found[name][0] for name in (*mine, *others, *late)] == [Standing.LEAVING] * 3 + [
        Standing.PARKED
    ] * 3
    due = sorted(at for _, at in found.values() if at is not None)
    assert [at - due[0] for at in due] == [0, 500, 1000]
    noted = console.database.read(lambda sql: audit.page(sql, DeedQuery(action="dead-letters all")))[0][0]
    assert (noted.reason, noted.details["error"], noted.details["rate"]) == ("mended", "ValueError", "2")


async def test_what_has_not_left_yet_stays_when_somebody_stops_it(console: Console) -> None:
    park(console, 3)
    one = await console.person("oscar")
    path = f"{LIST}?kind=webhook&error=ValueError&connection=bandwidth-1"
    form = {**await form_of(one, "put back", path), "reason": "mended", "rate": "1", "sure": "yes"}
    await one.post(ALL, form)
    assert "3 letters are on their way: put back, as oscar wanted" in (await one.get(LIST)).seen
    now_ms = min(at for _, at in standings(console).values() if at is not None)
    gone = console.database.write(lambda sql: dead.leaving(sql, now_ms))[0].letter.id
    console.database.write(lambda sql: dead.left(sql, [gone], Standing.PUT_BACK))
    assert (await one.post(f"{LIST}/stay", {"reason": ""})).status == 422
    assert "2 letters stay here" in (await one.sent(f"{LIST}/stay", {"reason": "wrong ones"})).seen
    found = standings(console)
    assert found.pop(gone) == (Standing.PUT_BACK, None)
    assert set(found.values()) == {(Standing.PARKED, None)}
    assert console.database.write(lambda sql: dead.leaving(sql, now_ms + 10**9)) == []


async def test_a_job_is_stopped_and_another_one_goes_on(console: Console) -> None:
    park(console, 2)
    park(console, 3, error="KeyError")
    one = await console.person("oscar")
    for error in ("ValueError", "KeyError"):
        path = f"{LIST}?kind=webhook&error={error}&connection=bandwidth-1"
        form = {**await form_of(one, "put back", path), "reason": f"for {error}", "rate": "1", "sure": "yes"}
        await one.post(ALL, form)
    page = await one.get(LIST)
    assert "2 letters are on their way: put back, as oscar wanted since" in page.seen
    assert "(for ValueError); 0 of 2 gone" in page.seen
    first, second = re.findall(r'name="job" value="([^"]+)"', page.text)
    assert "2 letters stay here" in (await one.sent(f"{LIST}/stay", {"reason": "x", "job": first})).seen
    page = await one.get(LIST)
    assert re.findall(r'name="job" value="([^"]+)"', page.text) == [second]
    assert (await one.post(f"{LIST}/stay", {"reason": "x", "job": "nobody's"})).status == 404
    assert [standing for standing, _ in standings(console).values()].count(Standing.LEAVING) == 3
    noted = console.database.read(lambda sql: audit.page(sql, DeedQuery(action="dead-letters stay")))[0]
    assert noted[-1].details == {"job": first}


async def test_a_cause_says_what_to_try_and_what_would_come_of_putting_it_back(console: Console) -> None:
    read = sha256(b"read").hexdigest()
    webhook = Webhook(digest=read, connection="bandwidth-1", at=NOW, body=b"read")
    console.database.write(lambda sql: webhooks.keep(sql, [webhook]))
    park(console, 2)
    letter = Letter(
        id=new_id(), kind=Kind.WEBHOOK, subject=read, account=None, connection="bandwidth-1", at=NOW,
        tries=3, error="ValueError",
    )  # fmt: skip
    console.database.write(lambda sql: dead.park(sql, [Parking(letter=letter)]))
    one = await console.person("oscar")
    page = await one.get(f"{LIST}?kind=webhook&error=ValueError&connection=bandwidth-1")
    assert "Put back now, 2 of 3 would be tried again: 0 expired, 0 opted out, 1 done already." in page.seen
    assert "What to try: Our reading of the carrier's words broke" in page.seen
    assert "Our reading of the carrier's words broke" in (await one.get(LIST)).seen
    assert {standing for standing, _ in standings(console).values()} == {Standing.PARKED}


async def test_what_would_come_of_it_is_looked_up_only_where_somebody_sees_it(console: Console) -> None:
    park(console, 101)
    park(console, 1, error=LOST, connection=None)
    looked: list[str] = []

    def look(_sql: Any, _cursor: Any, statement: str, *_more: Any) -> None:
        if "dead_letters.content" in statement and "dead_letters.tries" not in statement:
            looked.append(statement)

    of_one = f"{LIST}?kind=webhook&error=ValueError&connection=bandwidth-1"
    vera, oscar = await console.person("vera"), await console.person("oscar")
    event.listen(Engine, "before_cursor_execute", look)
    try:
        page = await oscar.get(of_one)
        assert "Put back now, 101 of 101 would be tried again" in page.seen
        assert looked
        looked.clear()
        (further,) = re.findall(r'<a href="([^"]+)">further', page.text)
        for one, path in (
            (vera, of_one),
            (oscar, unescape(further)),
            (oscar, f"{LIST}?kind=webhook&error=content+lost&connection=-"),
        ):
            page = await one.get(path)
            assert page.status == 200
            assert "Put back now," not in page.seen
            assert looked == [], path
    finally:
        event.remove(Engine, "before_cursor_execute", look)


async def test_who_discards_all_types_how_many_and_what_is_lost_is_not_put_back(console: Console) -> None:
    mine = park(console, 2, error=LOST, connection=None)
    one = await console.person("oscar")
    path = f"{LIST}?kind=webhook&error=content+lost&connection=-"
    page = await one.get(path)
    assert "Put all of them back" not in page.seen
    form = {**await form_of(one, "discard", path), "reason": "old", "rate": "100"}
    for typed in ("", "1", "all"):
        assert (await one.post(ALL, {**form, "typed": typed})).status == 422
    assert "2 letters are on their way" in (await one.sent(ALL, {**form, "typed": "2"})).seen
    found, _ = console.database.read(
        lambda sql: dead.page(sql, Letters(standing=Standing.LEAVING), after=None, limit=9)
    )
    assert {one.id for one in found} == set(mine)
    put_back = {**form, "what": "put back", "sure": "yes"}
    assert "0 letters are on their way" in (await one.sent(ALL, put_back)).seen
