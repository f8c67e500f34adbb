"""Every page of the console over HTTP: what it shows, to whom, and that it changes nothing."""

import re
from collections.abc import AsyncIterator, Callable
from html import unescape
from typing import Any
from urllib.parse import quote

import pytest
from aiohttp import ClientSession
from sqlalchemy import func, select, text

from broker.domain.dead import Standing
from broker.domain.ids import new_id
from broker.ingress.app import build_app
from broker.ingress.doors import Doors
from broker.services.overview import FAILED
from broker.services.stocktaking import GROWTH, LIVE, PIECE
from broker.settings import Settings
from broker.storage import accounts
from broker.storage.credit_tables import credit_changes
from broker.storage.dead_tables import dead_letters
from broker.storage.optout_tables import opt_outs
from broker.storage.tables import callbacks, messages, metadata
from broker.storage.vault import fingerprint
from tests.factories import NOW
from tests.integration.console.conftest import Console, Opening
from tests.integration.console.filling import (
    HOSTILE,
    NUMBER,
    OTHER,
    fill,
    fill_beside,
    fill_waiting,
    fill_worker,
)
from tests.integration.console.handheld import fill_phones
from tests.integration.ingress.conftest import KEY
from tests.unit.test_house import ROOT

PAGES = (
    "/console/",
    "/console/?window=all",
    "/console/?window=15m",
    "/console/?window=6h",
    "/console/?window=24h",
    "/console/?window=7d",
    "/console/alerts",
    "/console/messages",
    "/console/messages?q=nothing-like-it",
    "/console/connections",
    "/console/connections/bandwidth-1",
    "/console/connections/bandwidth-1/health",
    "/console/connections/bandwidth-1/errors",
    "/console/connections/bandwidth-1/routes",
    "/console/connections/bandwidth-1/webhook-urls",
    "/console/connections/bandwidth-1/config",
    "/console/queues",
    "/console/queues/submit",
    "/console/queues/submit?connection=bandwidth-1",
    "/console/callbacks",
    *(f"/console/callbacks?show={view}" for view in ("given_up", "held", "owed", "told")),
    "/console/callbacks?show=owed&account=acme&host=customer.example",
    "/console/dead-letters",
    "/console/dead-letters?kind=webhook&error=ValueError&connection=bandwidth-1",
    "/console/accounts",
    "/console/accounts/acme",
    "/console/attachments",
    "/console/webhooks",
    "/console/webhooks?connection=bandwidth-1",
    "/console/webhooks/parked",
    "/console/opt-outs",
    "/console/opt-outs?changes=1",
    "/console/errors",
    "/console/errors/bandwidth/4720",
    "/console/errors/broker/answer-lost",
    "/console/errors/dead-letters/worker%20died",
    "/console/handsets",
    f"/console/handsets/{quote(NUMBER)}",
)


@pytest.fixture
async def console(opening: Opening, simulator: str) -> AsyncIterator[Console]:
    """A console with phones, which got something."""
    await fill_phones(simulator)
    async with opening(simulator_url=simulator) as one:
        yield one


def rows(console: Console) -> dict[str, int]:
    """Return how many rows each table has."""
    counts = {name: select(func.count()).select_from(table) for name, table in metadata.tables.items()}
    return console.database.read(
        lambda sql: {name: sql.execute(one).scalar_one() for name, one in counts.items()}
    )


async def test_every_page_is_shown_escaped_and_looking_changes_nothing(console: Console) -> None:
    filled = fill(console.database, console.settings)
    one = await console.person("vera")
    before = rows(console)
    for path in (
        *PAGES,
        *(f"/console/messages/{id_}" for id_ in (filled.delivered, filled.rejected, filled.inbound)),
        *(f"/console/attachments/{filled.inbound}/{index}" for index in (1, 2)),
    ):
        page = await one.get(path)
        assert page.status == 200, (path, page.seen)
        assert "default-src 'none'" in page.headers["Content-Security-Policy"]
        assert page.headers["Cache-Control"] == "no-store"
        for wild in ("<script>alert", "<img src=x", "<b>7</b>", ">49<"):
            assert wild not in page.text, path
        for private in (NUMBER, OTHER, "pssst", "hidden words"):
            assert private not in page.text, (path, private)
        async with one.client.head(one.url + path) as answer:
            assert answer.status == 200
            assert await answer.read() == b""
    assert rows(console) == before


async def test_pages_of_what_there_is_not_are_not_found(console: Console) -> None:
    one = await console.person("ada")
    for path in (
        f"/console/messages/{new_id()}",
        "/console/messages/..%2f..",
        f"/console/messages/{new_id()}/parts/1",
        "/console/connections/nobody",
        "/console/accounts/nobody",
        "/console/accounts/%3Cscript%3E",
        "/console/errors/bandwidth/1",
        "/console/errors/%3Cscript%3E/4720",
    ):
        page = await one.get(path)
        assert page.status == 404, path
        assert "<script>" not in re.sub(r"<script type=\"module\" src=[^>]+></script>", "", page.text)
    assert (await one.post(f"/console/messages/{new_id()}/reveal")).status == 404
    assert (await one.post("/console/connections/nobody/pause", {"reason": "x"})).status == 404


NAMES = {"viewer": "vera", "content": "connie", "operator": "oscar", "admin": "ada"}
FORMS = [
    (
        "/console/dead-letters/all",
        {
            "kind": "webhook",
            "error": "ValueError",
            "connection": "bandwidth-1",
            "until": "2099-01-01T00:00",
            "what": "put back",
            "sure": "yes",
            "rate": "5",
            "reason": "r",
        },
        {"operator", "admin"},
    ),
    ("/console/dead-letters/stay", {"reason": "r"}, {"operator", "admin"}),
    ("/console/views/save", {"name": "bad ones", "query": "status=bad"}, set(NAMES)),
    ("/console/views/remove", {"name": "bad ones"}, set(NAMES)),
    (
        "/console/send/message",
        {"account": "acme", "to": "+12025550133", "text": "hello", "once": "{letter}"},
        {"operator", "admin"},
    ),
    (
        "/console/send/check",
        {"account": "acme", "to": "+12025550133", "text": "hello"},
        {"operator", "admin"},
    ),
    ("/console/messages/{waiting}/cancel", {"reason": "they asked"}, {"operator", "admin"}),
    ("/console/messages/{waiting}/retry", {"reason": "it is back"}, {"operator", "admin"}),
    (
        "/console/messages/{rejected}/resend",
        {"reason": "they asked", "sure": "yes", "once": "{letter}"},
        {"operator", "admin"},
    ),
    (
        "/console/messages/chosen/cancel",
        {"reason": "they asked", "ids": "{waiting} {inbound}", "once": "{letter}"},
        {"operator", "admin"},
    ),
    (
        "/console/messages/chosen/retry",
        {"reason": "it is back", "ids": "{waiting}", "once": "{letter}"},
        {"operator", "admin"},
    ),
    (
        "/console/messages/chosen/resend",
        {"reason": "they asked", "ids": "{rejected}", "sure": "yes", "once": "{letter}"},
        {"operator", "admin"},
    ),
    ("/console/messages/{delivered}/reveal", {}, {"content", "admin"}),
    (
        "/console/attachments/reveal",
        {"newest": "{inbound}", "oldest": "{inbound}"},
        {"content", "admin"},
    ),
    ("/console/attachments/{inbound}/1/look", {}, {"content", "admin"}),
    (
        "/console/attachments/{inbound}/1/send",
        {"to": "+12025550199", "sender": "+12025550150", "once": "1"},
        {"operator", "admin"},
    ),
    ("/console/connections/bandwidth-1/pause", {"reason": "they asked"}, {"operator", "admin"}),
    ("/console/connections/bandwidth-1/hold", {"reason": "they asked"}, {"operator", "admin"}),
    ("/console/connections/bandwidth-1/drain", {"reason": "they asked"}, {"operator", "admin"}),
    ("/console/connections/bandwidth-1/resume", {"reason": "it works"}, {"operator", "admin"}),
    ("/console/connections/bandwidth-1/rate", {"reason": "it is slow", "mps": "5"}, {"operator", "admin"}),
    (
        "/console/connections/bandwidth-1/test",
        {"account": "acme", "to": "+12025550188", "text": "Test", "once": "{letter}"},
        {"operator", "admin"},
    ),
    (
        "/console/webhooks/replay",
        {"since": "2026-01-01T00:00", "until": "2026-01-02T00:00", "reason": "r"},
        {"admin"},
    ),
    (
        "/console/opt-outs/add",
        {"sender": "+12025550150", "recipient": "+12025550199", "reason": "r"},
        {"operator", "admin"},
    ),
    ("/console/opt-outs/reveal", {"id": "1"}, {"content", "admin"}),
    ("/console/opt-outs/remove", {"id": "1", "reason": "r"}, {"operator", "admin"}),
    ("/console/webhooks/{webhook}/reveal", {}, {"content", "admin"}),
    ("/console/connections/bandwidth-1/reset-circuit", {"reason": "r"}, {"operator", "admin"}),
    ("/console/workers/w-1@host/drain", {"reason": "a new kernel"}, {"operator", "admin"}),
    ("/console/workers/w-1@host/resume", {"reason": "it is in"}, {"operator", "admin"}),
    ("/console/callbacks/replay", {"rate": "5", "reason": "r"}, {"operator", "admin"}),
    (
        "/console/dead-letters/settle",
        {"id": "{letter}", "what": "discard", "reason": "r"},
        {"operator", "admin"},
    ),
    ("/console/handsets/dials", {"latency_ms": "5"}, {"operator", "admin"}),
    (
        f"/console/handsets/{quote(NUMBER)}/reply",
        {"to": "+12025550150", "text": "hello"},
        {"operator", "admin"},
    ),
]


@pytest.mark.parametrize(("path", "form", "may"), FORMS, ids=[form[0] for form in FORMS])
async def test_each_form_takes_its_role_its_token_and_our_origin(
    console: Console, path: str, form: dict[str, str], may: set[str]
) -> None:
    filled = fill(console.database, console.settings)
    webhook = fill_beside(console.database)
    fill_worker(console.settings)
    known = {
        "delivered": filled.delivered,
        "rejected": filled.rejected,
        "letter": filled.letter,
        "inbound": filled.inbound,
        "webhook": webhook,
        "waiting": fill_waiting(console.database),
    }
    path, form = path.format(**known), {name: value.format(**known) for name, value in form.items()}
    before = standings(console)
    for role, name in NAMES.items():
        one = await console.person(name)
        assert (await one.post(path, {**form, "token": "x"})).status == 403
        assert (await one.post(path, form, origin="https://evil.example")).status == 403
        assert (await one.get(path)).status == 405, "a form is not a page"
        if role not in may:
            assert (await one.post(path, form)).status == 403
            assert standings(console) == before
    for number, role in enumerate(sorted(may)):
        one = await console.person(NAMES[role])
        gone = {404} if number and path.endswith("/remove") else set()
        assert (await one.post(path, form)).status in {200, 303} | gone


async def test_every_form_there_is_is_tried_above(make_settings: Callable[..., Settings]) -> None:
    doors = await Doors.open(make_settings(simulator_url="http://127.0.0.1:9"))
    try:
        paths = {path for method, path in build_app(doors).paths if method == "POST"}
    finally:
        await doors.close()
    own = {f"/console/{name}" for name in ("sign-in", "sign-out", "theme")}
    tried = set()
    for path, *_ in FORMS:
        known = re.sub(r"\{(delivered|rejected|inbound|waiting)\}", "{id}", path).replace("/1/", "/{index}/")
        known = known.replace("bandwidth-1", "{name}").replace("{webhook}", "{digest}")
        tried.add(known.replace("w-1@host", "{name}").replace(quote(NUMBER), "{phone}"))
    assert {path for path in paths if path.startswith("/console/")} - own == tried


def standings(console: Console) -> Any:
    """Return what forms change."""
    return console.database.read(
        lambda sql: (
            accounts.usages(sql),
            sql.execute(select(callbacks.c.state, callbacks.c.due_at)).all(),
            sql.execute(select(dead_letters.c.standing)).all(),
            sql.execute(select(opt_outs.c.id)).all(),
            sql.execute(select(func.count()).select_from(messages)).scalar(),
            sql.execute(select(messages.c.status, messages.c.due_at)).all(),
        )
    )


async def test_text_pictures_and_numbers_are_shown_on_request_to_who_may_read_them(
    console: Console, capsys: pytest.CaptureFixture[str]
) -> None:
    filled = fill(console.database, console.settings)
    one = await console.person("connie")
    page = await one.get(f"/console/messages/{filled.inbound}")
    assert "Show text" in page.seen
    assert 'src="/console/messages/' not in page.text
    page = await one.post(f"/console/messages/{filled.inbound}/reveal")
    assert page.status == 200
    assert NUMBER in page.seen
    assert "look" in page.seen
    assert "hidden words" in page.seen
    (path,) = re.findall(r'src="(/console/messages/[^"]+)"', page.text)
    async with one.client.get(one.url + path) as answer:
        assert answer.headers["Content-Type"] == "image/png"
        assert "sandbox" in answer.headers["Content-Security-Policy"]
        assert (await answer.read()).startswith(b"\x89PNG")
    async with one.client.get(one.url + path.partition("/thumbnail")[0]) as answer:
        assert answer.headers["Content-Disposition"].startswith("attachment")
        assert "a%20picture.png" in answer.headers["Content-Disposition"]
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert len(await answer.read()) > 100
    said = capsys.readouterr()
    assert "content_revealed" in said.out + said.err
    assert "connie" in said.out + said.err
    for name in ("vera", "oscar"):
        other = await console.person(name)
        assert "takes the role content" in (await other.get(f"/console/messages/{filled.inbound}")).seen
        assert (await other.get(path)).status == 403
    page = await one.post(f"/console/messages/{filled.delivered}/reveal")
    assert HOSTILE.split("{{")[0] in page.seen.replace("&#34;", '"') or "alert(1)" in page.seen
    assert "<script>alert" not in page.text


async def test_a_file_outside_the_attachments_is_never_given_out(console: Console) -> None:
    filled = fill(console.database, console.settings)
    one = await console.person("ada")
    page = await one.post(f"/console/messages/{filled.inbound}/reveal")
    (thumbnail,) = re.findall(r'src="(/console/messages/[^"]+)"', page.text)
    (path,) = (console.settings.attachments / filled.inbound).iterdir()
    path.unlink()
    path.symlink_to("/etc/passwd")
    for what in (
        thumbnail,
        thumbnail.replace("/thumbnail", "/picture"),
        thumbnail.partition("/thumbnail")[0],
    ):
        assert (await one.get(what)).status == 404
    for index in ("2", "3", "x", "-1", "9" * 30):
        assert (await one.get(f"/console/messages/{filled.inbound}/parts/{index}")).status == 404


async def test_the_overview_counts_what_sql_holds_and_says_what_is_wrong(console: Console) -> None:
    filled = fill(console.database, console.settings)
    one = await console.person("oscar")
    await one.post("/console/connections/bandwidth-1/pause", {"reason": "they asked"})
    page = await one.get("/console/?window=all")
    number = select(messages.c.direction, messages.c.status, func.count()).group_by(
        messages.c.direction, messages.c.status
    )
    counted = console.database.read(lambda sql: sql.execute(number).all())
    assert len(counted) == 3
    for direction, status, how_many in counted:
        place = f"direction={direction}&amp;status={status}"
        (row,) = [part for part in page.text.split("<tr>") if place in part]
        assert f'<td class="number">{how_many}</td>' in row
    assert "2 sent by customers" in page.seen
    assert "1 ended badly" in page.seen
    assert "1 arrived" in page.seen
    assert "bandwidth-1: Paused (oscar: they asked)" in page.seen
    assert "1 dead letter (webhook)" in page.seen
    assert "4720" in page.seen
    assert filled.letter
    piece = await one.get("/console/?window=all&piece=now")
    assert "<html" not in piece.text
    assert "2 sent by customers" in piece.seen


MANY = text("""
WITH RECURSIVE numbered(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbered WHERE n < :number)
INSERT INTO messages (id, account, dialect, direction, status, originator, recipient, text, subject, priority, tags,
  possible_duplicate, attempts, created_at, updated_at, valid_until)
SELECT printf('0190a000-%04x-7000-8000-%012x', n / 1000, n), 'acme', 'native', 'out',
  CASE WHEN n <= :failed THEN 'failed' ELSE 'delivered' END, '+12025550150', '+12025550101', '', '', 'normal', '[]',
  0, 1, n, n, n FROM numbered
""")


async def test_of_very_many_messages_the_overview_says_what_it_counted(console: Console) -> None:
    number = LIVE + GROWTH * PIECE + 7
    console.database.write(lambda sql: sql.execute(MANY, {"number": number, "failed": FAILED + 5}))
    one = await console.person("vera")
    page = await one.get("/console/?window=all")
    assert f"{number - 7:,} sent by customers" in page.seen
    assert re.search(
        r"Of the messages made since .{10,40} UTC: older ones are still being counted", page.seen
    )
    assert f"Of the newest {FAILED:,} that did." in page.seen
    page = await one.get("/console/?window=24h")
    assert "still being counted" not in page.seen
    assert "that did." not in page.seen


async def test_the_overview_tells_rates_latency_and_causes_and_each_leads_to_its_list(
    console: Console,
) -> None:
    filled = fill(console.database, console.settings)
    one = await console.person("vera")
    page = await one.get("/console/?window=all")
    assert "1.5 s p95 to the carrier, p50 1.5 s" in page.seen
    assert re.search(r'<path class="p50" d="M\d+ [\d.]+h0"/>', page.text)
    assert re.search(r"1\.[45] s 1\.[45] s 1\.[45] s 1 ", page.seen), "the same as a table"
    assert "50 %" in page.seen, "of two attempts the carrier took one"

    async def listed(pattern: str) -> set[str]:
        (path,) = re.findall(f'href="(/console/messages[^"]+)"{pattern}', page.text)
        found = await one.get(unescape(path))
        assert found.status == 200, found.seen
        return set(re.findall(r'title="([0-9a-f-]{36})"', found.text))

    accepted = re.escape("><b>0.03</b> <span>accepted a second")
    assert await listed(accepted) == {filled.delivered, filled.rejected}
    assert await listed(r"><b>0.02</b> <span>failed a second") == {filled.rejected}
    assert await listed(r">1</a></td><td class=.number.>100 %") == {filled.rejected}
    assert "cause=4720" in page.text
    assert await listed(r">1</a></td>\s*</tr>") == {filled.rejected}, "what ended badly in a minute"
    assert (await one.get("/console/messages?status=bad&cause=none")).seen.count(
        "No message is like that"
    ) == 1


async def test_messages_are_filtered_and_paged_by_their_address(console: Console) -> None:
    filled = fill(console.database, console.settings)
    one = await console.person()

    async def ids(query: str) -> set[str]:
        page = await one.get(f"/console/messages?{query}")
        assert page.status == 200, page.seen
        return set(re.findall(r'title="([0-9a-f-]{36})"', page.text))

    every = {filled.delivered, filled.rejected, filled.inbound}
    assert await ids("") == every
    assert await ids("direction=in") == {filled.inbound}
    assert await ids("status=bad") == {filled.rejected}
    assert await ids("status=delivered") == {filled.delivered}
    assert await ids("account=acme&connection=bandwidth-1") == every
    assert await ids("account=globex") == set()
    assert await ids("address=%2B4420*") == {filled.rejected}
    assert await ids("address=12025550150&direction=in") == {filled.inbound}
    assert await ids("q=%2B442079460018") == {filled.rejected}
    assert await ids("kind=mms") == {filled.delivered, filled.inbound}
    assert await ids("kind=sms") == {filled.rejected}
    assert await ids("tag=attachment") == {filled.inbound}
    assert await ids("tag=attachment%3Dx") == await ids("tag=order%00") == set()
    assert await ids("error=4720") == {filled.rejected}
    assert await ids("since=2020-01-01T00:00&until=2020-01-02T00:00") == set()
    assert await ids(f"cursor={max(every)}") == every - {max(every)}
    for name in (filled.delivered, "carrier-ref-1", "order <b>7</b>"):
        found = await one.get("/console/messages", params={"q": name})
        assert (found.status, found.headers["Location"]) == (303, f"/console/messages/{filled.delivered}")
    for wrong in ("direction=up", "kind=fax", "tag=%3Dx", "status=odd", "since=soon", "cursor=1"):
        assert (await one.get(f"/console/messages?{wrong}")).status == 422


async def test_bars_over_the_list_say_when_and_each_leads_to_its_messages(console: Console) -> None:
    filled = fill(console.database, console.settings)
    one = await console.person()
    page = await one.get("/console/messages?direction=out&cursor=" + filled.rejected)
    (drawing,) = re.findall(r'<svg class="chart".*?</svg>', page.text, re.DOTALL)
    assert 'aria-hidden="true"' in drawing
    assert set(re.findall(r'rect class="(\w+)"', drawing)) == {"back", "bad", "good"}
    table = page.text.partition("</svg>")[2].partition("</table>")[0]
    links = [unescape(path) for path in re.findall(r'<a href="([^"]+)"', table)]
    assert links == [unescape(path) for path in re.findall(r'<a href="([^"]+)"', drawing)]
    assert all("direction=out" in path and "cursor" not in path for path in links)
    found = [await one.get(path) for path in links]
    assert {name for page in found for name in re.findall(r'title="([0-9a-f-]{36})"', page.text)} == {
        filled.delivered,
        filled.rejected,
    }
    assert "<svg" not in (await one.get("/console/messages?account=nobody")).text


async def test_letters_leave_when_an_operator_says_so(console: Console) -> None:
    filled = fill(console.database, console.settings)
    one = await console.person("oscar")
    form = {"id": filled.letter, "what": "discard", "reason": "a test"}
    for change in ({"reason": ""}, {"what": "eat"}, {"id": "1"}):
        assert (await one.post("/console/dead-letters/settle", {**form, **change})).status == 422
    assert "1 on its way" in (await one.sent("/console/dead-letters/settle", form)).seen
    row = select(dead_letters.c.standing, dead_letters.c.settled_by, dead_letters.c.reason)
    standing_, by, reason = console.database.read(lambda sql: sql.execute(row).one())
    assert (by, reason) == ("oscar", "a test")
    assert standing_ != Standing.PARKED


async def test_an_account_shows_its_addresses_and_none_of_its_secrets(console: Console) -> None:
    one = await console.person()
    page = await one.get("/console/accounts/acme")
    for path in ("/v1/messages", "/api", "/SendMMS"):
        assert path in page.seen
    assert "Ready" in page.seen
    assert "the first always speaks" not in page.seen
    assert "the first always speaks" in (await one.get("/console/accounts/globex")).seen
    assert "argon2" not in page.text
    mark = fingerprint(console.settings.secret_key.get_secret_value(), KEY)
    assert f"1, whose fingerprints begin with {mark[:8]}" in page.seen
    assert mark not in page.text
    assert KEY not in page.text
    assert "Nobody ever gave it any" in page.seen
    given = {
        "account": "acme",
        "at": NOW,
        "delta": 500,
        "balance": 700,
        "who": "ada",
        "reason": "+12025550101 paid",
    }
    console.database.write(lambda sql: sql.execute(credit_changes.insert(), [given]))
    page = await one.get("/console/accounts/acme")
    assert re.search(r"2026-11-21 12:00:00 \+500 700 ada \+1202\*\*\*0101 paid", page.seen), page.seen
    assert "correct horse" not in page.text


async def test_the_first_load_of_a_page_is_within_its_budget_and_asks_nobody_else(console: Console) -> None:
    for _ in range(20):
        fill(console.database, console.settings)
    one = await console.person("ada")
    for path in (
        *PAGES,
        "/console/audit",
        "/console/settings",
        "/console/send",
        "/console/callbacks/again",
        "/console/webhooks/again?since=2026-01-01T00:00&until=2036-01-01T00:00",
    ):
        page = await one.get(path)
        packed: dict[str, int] = {}
        assert re.findall(r'(?:src|href)="(?:https?:)?//[^"]*"', page.text) == [], path
        for asset in re.findall(r'(?:src|href)="(/console/assets/[^"]+)"', page.text):
            async with ClientSession(auto_decompress=False) as client, client.get(one.url + asset) as answer:
                assert answer.headers["Content-Encoding"] == "gzip"
                packed[asset] = len(await answer.read())
        assert len(packed) == (4 if "/console/assets/bars." in page.text else 3), path
        assert len(page.text.encode()) + sum(packed.values()) <= 120_000, path


async def test_every_page_that_a_runbook_leads_to_is_there(console: Console) -> None:
    one = await console.person("vera")
    named = {
        address
        for page in (ROOT / "docs" / "runbooks").glob("*.md")
        for address in re.findall(r"`(/console/[^`]*)`", page.read_text())
    }
    assert {"/console/queues", "/console/connections"} <= named
    for address in named:
        assert (await one.get(address)).status == 200, address
