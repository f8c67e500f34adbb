"""The page of a connection: state word, stops, rates, tests, and counters that lead to what they count."""

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from html import unescape

import pytest
from sqlalchemy import select

from broker.dispatch import Queue
from broker.domain.folder import Counter
from broker.domain.ids import new_id
from broker.domain.message import Direction
from broker.domain.status import Event, Status
from broker.keyspace import keys
from broker.keyspace.client import open_sync
from broker.services.sql import AsyncSql
from broker.services.tallies import LOOKED_AT, Tallies
from broker.storage import accounts, folders, messages
from broker.storage.database import Sql
from broker.storage.messages import Fresh, Move
from broker.storage.tables import connections
from broker.storage.tables import messages as table
from tests.factories import NOW, NOW_MS, make_message
from tests.integration.console.conftest import Console, Person
from tests.integration.console.filling import HOSTILE

PATH = "/console/connections/bandwidth-1"
TRIAL = {"account": "acme", "to": "+12025550101", "text": "Does it work?", "sender": ""}


@pytest.mark.parametrize(
    ("how", "word"), [("pause", "! Paused"), ("hold", "! On hold"), ("drain", "○ Drained")]
)
async def test_a_connection_is_stopped_with_a_reason_and_resumed_with_one(
    console: Console, how: str, word: str
) -> None:
    one = await console.person("oscar")
    for reason in ("", "x" * 201):
        assert (await one.post(f"{PATH}/{how}", {"reason": reason})).status == 422
    assert "✓ Ready" in (await one.get(PATH)).seen
    assert (await one.post(f"{PATH}/{how}", {"reason": HOSTILE})).headers["Location"] == PATH
    page = await one.get(PATH)
    assert word in page.seen
    assert "oscar: <script>" in page.seen
    assert "<script>alert" not in page.text
    assert word in (await one.get("/console/connections")).seen
    assert (await one.post(f"{PATH}/resume")).status == 422
    await one.post(f"{PATH}/resume", {"reason": "it works"})
    assert "✓ Ready" in (await one.get(PATH)).seen


async def test_a_stop_with_an_end_says_so_wherever_it_is_shown(console: Console) -> None:
    one = await console.person("oscar")
    for wrong in ("2020-01-17T13:10", "tomorrow"):
        assert (await one.post(f"{PATH}/pause", {"reason": "work", "until": wrong})).status == 422
    assert "✓ Ready" in (await one.get(PATH)).seen
    form = {"reason": "work", "until": "2036-01-17T13:10"}
    assert (await one.post(f"{PATH}/pause", form)).headers["Location"] == PATH
    assert "until 2036-01-17 13:10:00 UTC" in (await one.get(PATH)).seen
    assert "2036-01-17 13:10:00" in (await one.get("/console/connections")).seen
    assert (
        "bandwidth-1: Paused until 2036-01-17 13:10 UTC (oscar: work)"
        in (await one.get("/console/?window=all")).seen
    )
    assert "until: 2036-01-17T13:10" in (await one.get("/console/audit")).seen
    await one.post(f"{PATH}/pause", {"reason": "work", "until": ""})
    assert "until" not in (await one.get(PATH)).seen.partition("Pause")[0]


async def test_a_connection_that_drains_says_how_much_is_left(console: Console) -> None:
    one = await console.person("oscar")
    waiting = make_message(id=new_id())
    entry = Fresh(message=waiting, event=Event.TAKE, connection="bandwidth-1", due_at=1)
    console.database.write(lambda sql: messages.add(sql, [entry]))
    await one.post(f"{PATH}/drain", {"reason": "it ends"})
    page = await one.get(PATH)
    assert "! Draining" in page.seen
    assert "1 left to finish" in page.seen
    console.database.write(
        lambda sql: messages.move(sql, [Move(id=waiting.id, event=Event.CANCEL, at=NOW, key="x")])
    )
    assert "○ Drained" in (await one.get(PATH)).seen


async def test_a_rate_is_changed_and_an_empty_field_means_none(console: Console) -> None:
    one = await console.person("oscar")

    def rates() -> tuple[float | None, float | None]:
        return console.database.read(lambda sql: next(row[1:] for row in accounts.paces(sql)))

    for wrong in (
        {"mps": "0"},
        {"mps": "x"},
        {"mps": "nan"},
        {"sender_mps": "-1"},
        {"mps": "5", "reason": ""},
    ):
        assert (await one.post(f"{PATH}/rate", {"reason": "slow", **wrong})).status == 422
    assert rates() == (None, None)
    answer = await one.post(f"{PATH}/rate", {"reason": "slow", "mps": "5", "sender_mps": "0.5"})
    assert (answer.status, answer.headers["Location"]) == (303, PATH)
    assert rates() == (5.0, 0.5)
    assert "5.0 a second, 0.5 each sender" in (await one.get(PATH)).seen
    await one.post(f"{PATH}/rate", {"reason": "fast", "mps": "", "sender_mps": ""})
    assert rates() == (None, None)


async def test_a_test_is_sent_once_however_often_its_form_is(console: Console) -> None:
    one = await console.person("oscar")
    (once,) = re.findall(r'name="once" value="([^"]+)"', (await one.get(PATH)).text)
    form = {**TRIAL, "once": once}
    for wrong in ({"to": ""}, {"to": "me"}, {"text": ""}, {"once": "x"}, {"sender": "+12025559999"}):
        assert (await one.post(f"{PATH}/test", {**form, **wrong})).status == 422, wrong
    assert (await one.post(f"{PATH}/test", {**form, "account": "nobody"})).status == 404
    assert (await one.post("/console/connections/nobody/test", form)).status == 404
    first = await one.post(f"{PATH}/test", form)
    assert first.status == 303
    place = first.headers["Location"]
    assert (await one.post(f"{PATH}/test", form)).headers["Location"] == place
    with open_sync(console.settings.redis_url, console.settings) as client:
        (name,) = client.zrange(keys.outbox(Queue.SUBMIT), 0, -1)
    assert place.endswith(name.decode())
    page = await one.get(place)
    assert page.status == 200
    assert "oscar" in page.seen


async def test_each_counter_leads_to_exactly_what_it_counts(console: Console) -> None:
    every_kind(console)
    one = await console.person()
    page = await one.get(PATH)
    tiles = re.findall(
        r'href="(/console/messages\?[^"]*counter=[^"]+)"><b>([0-9,]+)</b> <span>(\w+)', page.text
    )
    assert {word for _, _, word in tiles} == {
        "sent",
        "accepted",
        "forwarded",
        "delivered",
        "undelivered",
        "failed",
    }
    for href, number, word in tiles:
        assert len(await listed(one, href.replace("&amp;", "&"))) == int(number) > 0, word
    assert (await one.get("/console/messages?counter=odd")).status == 422


async def listed(one: Person, path: str) -> set[str]:
    """Follow a list to its end."""
    found: set[str] = set()
    while path:
        page = await one.get(path)
        assert page.status == 200, page.seen
        found |= set(re.findall(r'title="([0-9a-f-]{36})"', page.text))
        older = re.findall(r'href="([^"]+)">older', page.text)
        path = older[0].replace("&amp;", "&") if older else ""
    return found


def every_kind(console: Console) -> None:
    """Put in a message of every state, both taken by its carrier and not, and one of another connection."""
    arrived = folders.STATUSES[folders.Folder.INBOX]
    rows = [
        make_message(
            id=new_id(), status=status, direction=Direction.IN if status in arrived else Direction.OUT
        )
        for status in Status
        for _ in range(2)
    ]

    def job(sql: object) -> None:
        messages.add(sql, [Fresh(message=one, event=None, connection="bandwidth-1") for one in rows])  # type: ignore[arg-type]

    console.database.write(job)
    console.database.write(
        lambda sql: [
            sql.execute(
                table.update()
                .where(table.c.id == one.id)
                .values(status=one.status, provider_ref=f"ref-{n}" if n % 2 else None)
            )
            for n, one in enumerate(rows)
        ]
    )
    other = make_message(id=new_id(), status=Status.DELIVERED)
    console.database.write(
        lambda sql: messages.add(sql, [Fresh(message=other, event=None, connection="other")])
    )
    found = console.database.read(lambda sql: sql.execute(select(connections.c.name)).scalars().all())
    assert "bandwidth-1" in found
    assert console.database.read(partial(folders.count, name="bandwidth-1"))


async def test_counters_count_within_bounds_and_lead_to_what_they_count(console: Console) -> None:
    old_ms = NOW_MS - 3_600_000
    ids = [new_id(old_ms), *(new_id(NOW_MS + 1000 * n) for n in range(3))]
    made = [make_message(id=one) for one in ids]
    claim = {"event": Event.CLAIM, "due_at": 0, "connection": "bandwidth-1"}
    moves = [Move(id=one, event=Event.DELIVER, at=NOW, key="d") for one in ids]

    def job(sql: Sql) -> None:
        messages.add(sql, [Fresh(message=one, **claim) for one in made])
        messages.move(sql, moves)

    console.database.write(job)
    with ThreadPoolExecutor(1) as threads:
        sql = AsyncSql(console.database, threads)
        whole = await Tallies(sql, known=dict, looked_at=5).lately("bandwidth-1")
        assert (whole.counters[Counter.DELIVERED], whole.since) == (4, None)
        some = await Tallies(sql, known=dict, looked_at=3).lately("bandwidth-1")
        assert (some.counters[Counter.DELIVERED], some.since) == (3, NOW)
        none = await Tallies(sql, known=dict, looked_at=2).lately("gone")
        assert set(none.counters.values()) == {0}


async def test_a_page_with_many_messages_says_since_when_it_counts(console: Console) -> None:
    rows = [
        {"id": new_id(NOW_MS + n), "connection": "bandwidth-1" if n % 2 else "other"}
        for n in range(LOOKED_AT + 1500)
    ]
    one = make_message(id=new_id(NOW_MS), connection="bandwidth-1")
    console.database.write(
        lambda sql: messages.add(
            sql, [Fresh(message=one, event=Event.CLAIM, due_at=0, connection="bandwidth-1")]
        )
    )

    def job(sql: Sql) -> None:
        like = dict(sql.execute(select(table).where(table.c.id == one.id)).mappings().one())
        sql.execute(
            table.insert(), [{**like, "status": Status.DELIVERED, "due_at": None, **row} for row in rows]
        )

    console.database.write(job)
    person = await console.person("vera")
    page = await person.get(PATH)
    since = NOW + timedelta(seconds=1)
    assert f"Counted of what was made since {since:%Y-%m-%d %H:%M:%S} (UTC)" in page.seen
    (path, number) = re.findall(
        r'href="(/console/messages\?[^"]*counter=delivered[^"]*)"><b>([0-9,]+)</b>', page.text
    )[0]
    assert int(number.replace(",", "")) == (LOOKED_AT + 500) // 2
    assert f"since={since:%Y-%m-%dT%H:%M:%S}" in path
    assert (await person.get(unescape(path))).status == 200
