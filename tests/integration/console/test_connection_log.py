"""The event log on a connection's page: its order, its pages, what narrows it, and the bar that says what is new."""

import asyncio
import re
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from html import unescape

import pytest

from broker.domain.ids import new_id
from broker.domain.logbook import Entry, Kind, Level, LogQuery, Position, Way
from broker.domain.status import Event
from broker.services.logbook import Logbook
from broker.services.outcome import Verdict, end_of
from broker.services.sql import AsyncSql
from broker.storage import logbook, messages, submissions, webhooks
from broker.storage.database import Database, Sql
from broker.storage.messages import Fresh
from broker.storage.webhooks import Webhook
from tests.factories import make_message
from tests.integration.console.conftest import Answer, Console, Person

PATH = "/console/connections/bandwidth-1"
START = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=2)


def entry(minutes: float, text: str, **changes: object) -> Entry:
    values = {
        "at": START + timedelta(minutes=minutes),
        "connection": "bandwidth-1",
        "kind": Kind.REPORT,
        "text": text,
    }
    return Entry(**{**values, **changes})  # type: ignore[arg-type]


def write(database: Database, *entries: Entry) -> None:
    database.write(lambda sql: logbook.write(sql, entries))


def fill(database: Database) -> None:
    """Put in a bit of everything: entries of each direction and level, a plain submission, two webhooks."""
    write(
        database,
        entry(1, "asked", direction=Way.OUT, kind=Kind.HTTP_REQUEST),
        entry(2, "503 busy", direction=Way.IN, kind=Kind.HTTP_RESPONSE, level=Level.WARN),
        entry(3, "given up", kind=Kind.ERROR, level=Level.ERROR),
    )
    at = START + timedelta(minutes=4)
    one = make_message(id=new_id(), created_at=at)
    taken = Verdict(event=Event.RECEIPT, http_status=202, provider_ref="r-1")
    bodies = (b"no webhook", b"[]")

    def job(sql: Sql) -> None:
        messages.add(sql, [Fresh(message=one, event=Event.CLAIM, due_at=0, connection="bandwidth-1")])
        submissions.begin(sql, [(one.id, 1, "bandwidth-1")], at=at)
        ended = end_of(one, taken, now_ms=round(at.timestamp() * 1000) + 500)
        submissions.end(
            sql,
            [submissions.Ended(message_id=one.id, number=1, at=ended.at, outcome="sent", http_status=202)],
        )
        rows = [
            Webhook(
                digest=sha256(body).hexdigest(),
                connection="bandwidth-1",
                at=START + timedelta(minutes=5 + n),
                body=body,
                verdict="",
            )
            for n, body in enumerate(bodies)
        ]
        webhooks.keep(sql, rows)

    database.write(job)


def lines(page: Answer) -> list[str]:
    """Return what the log shows: an arrow and a text each."""
    log = page.text.partition('id="log"')[2]
    found = re.findall(r"</time></span> ([→←·]) (.*?) <small>", log)
    return [
        re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", f"{way} {unescape(text)}")).strip() for way, text in found
    ]


async def whole(one: Person, query: str = "") -> list[str]:
    """Return what the log shows over all its pages."""
    path, found = f"{PATH}?{query}", []
    while path:
        page = await one.get(path.partition("#")[0])
        assert page.status == 200, page.seen
        found += lines(page)
        path = unescape(next(iter(re.findall(r'"Pages of the log"><a href="([^"]+)"', page.text)), ""))
    return found


EVERY = [
    "→ asked",
    "← 503 busy WARN",
    "· given up ERROR",
    "→ POST http://127.0.0.1",
    "← 202",
    "· attempt 1: receipt",
    "← POST /webhooks/bandwidth-1",
    "→ 200",
    "· nobody can read it ERROR",
    "← POST /webhooks/bandwidth-1",
    "→ 200",
]


def same(found: list[str]) -> list[str]:
    """Return lines without the addresses that differ from run to run."""
    return [re.sub(r"(http://127\.0\.0\.1|https://[^/ ]+).*", "http://127.0.0.1", one) for one in found]


async def test_the_log_is_in_order_both_ways(console: Console) -> None:
    fill(console.database)
    one = await console.person("vera")
    assert same(await whole(one, "order=oldest")) == EVERY
    assert same(await whole(one)) == EVERY[::-1]


@pytest.mark.parametrize("query", ["", "order=oldest", "direction=out", "level=WARN&order=oldest"])
async def test_its_pages_follow_one_another_and_leave_nothing_out(console: Console, query: str) -> None:
    entries = [
        entry(
            n // 4,
            f"n{n:03}",
            direction=Way.OUT if n % 2 else Way.IN,
            level=Level.WARN if n % 3 else Level.INFO,
        )
        for n in range(240)
    ]
    write(console.database, *entries)
    found = [re.findall(r"n\d{3}", one)[0] for one in await whole(await console.person("vera"), query)]
    wanted = [
        one.text
        for one in entries
        if ("direction" not in query or one.direction is Way.OUT)
        and ("level" not in query or one.level is Level.WARN)
    ]
    assert found == (wanted if "order" in query else wanted[::-1])


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        ("direction=out", [0, 3, 7, 10]),
        ("direction=in", [1, 4, 6, 9]),
        ("level=WARN", [1, 2, 8]),
        ("level=ERROR", [2, 8]),
        ("level=WARN&direction=in", [1]),
        ("since={2}", [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]),
        ("until={3}", [0, 1]),
        ("since={2}&until={5}", [1, 2, 3, 4, 5]),
        ("since={2}&until={4}&level=ERROR", [2]),
        ("since=2033-01-01T00:00", []),
    ],
)
async def test_the_log_is_narrowed_by_time_direction_and_failures(
    console: Console, query: str, wanted: list[int]
) -> None:
    fill(console.database)
    one = await console.person("vera")
    times = [f"{START + timedelta(minutes=n):%Y-%m-%dT%H:%M:%S}" for n in range(9)]
    query = query.format(*times)
    found = same(await whole(one, f"{query}&order=oldest"))
    assert found == [EVERY[n] for n in wanted]
    page = await one.get(f"{PATH}?{query}")
    for name, value in (pair.split("=") for pair in query.split("&")):
        assert re.search(rf'name="{name}"[^>]*value="{value}"|value="{value}" selected', page.text), name
    if not wanted:
        assert "Nothing is like that" in page.seen


async def test_what_cannot_be_a_filter_is_refused(console: Console) -> None:
    one = await console.person("vera")
    for wrong in ("since=soon", "until=x", "direction=up", "level=loud", "message=1"):
        for path in (PATH, f"{PATH}/log-live"):
            assert (await one.get(f"{path}?{wrong}")).status in {400, 422}, wrong
    for path in (f"{PATH}?order=odd", f"{PATH}?cursor=x", f"{PATH}/log-live?than=x"):
        assert (await one.get(path)).status in {400, 422}, path


async def test_few_failures_far_apart_are_found_within_bounds_and_it_goes_on_from_there(
    console: Console,
) -> None:
    quiet = [entry(n / 10, f"n{n}") for n in range(30)]
    write(console.database, entry(-1, "the first failure", level=Level.ERROR), *quiet)
    shown: list[list[str]] = []

    after: Position | None = None
    with ThreadPoolExecutor(1) as threads:
        log = Logbook(AsyncSql(console.database, threads), known=dict, keep_s=86400, looked_at=12)
        while True:
            query = LogQuery(connection="bandwidth-1", least=Level.WARN, after=after)
            found, after = await log.page(query)
            shown.append([one.text for _, one in found])
            if after is None:
                break
    assert shown == [[], [], ["the first failure"]]


async def test_new_entries_wait_behind_a_bar_and_only_those_that_are_asked_for(console: Console) -> None:
    fill(console.database)
    one = await console.person("vera")
    page = await one.get(f"{PATH}?level=WARN")
    (stream,) = re.findall(r'data-news="([^"]+)"', page.text)
    async with one.client.get(one.url + unescape(stream)) as answer:
        assert answer.headers["Content-Type"].startswith("text/event-stream")

        async def told() -> str:
            while await answer.content.readline() != b"event: new\n":
                pass  # the stream tells of the numbers beside pages' names too
            return (await answer.content.readline()).decode().removeprefix("data: ").strip()

        waiting = asyncio.create_task(told())
        now = (datetime.now(UTC) - START).total_seconds() / 60
        write(console.database, entry(now, "well"), entry(now, "oh no", level=Level.ERROR))
        assert await asyncio.wait_for(waiting, 20) == "1"
        bad = [entry(now, "oh no", level=Level.ERROR)] * 120
        write(console.database, *bad)
        assert await asyncio.wait_for(told(), 20) == "over 99"
    for query in ("order=oldest", "until=2033-01-01T00:00"):
        assert "data-news" not in (await one.get(f"{PATH}?{query}")).text
