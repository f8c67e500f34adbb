"""Webhooks of carriers in the console: what came, what it was about, what fits nothing; a time of them read again."""

import json
import re
from datetime import UTC, datetime, timedelta
from hashlib import sha256

from sqlalchemy import text

from broker.domain.status import Status
from broker.services import receive, reports
from broker.storage import messages, parked, webhooks
from broker.storage.database import Database, Sql
from broker.storage.webhooks import Webhook
from tests.factories import NOW_MS
from tests.integration.console.conftest import Console
from tests.integration.console.filling import HOSTILE, NUMBER, fill
from tests.integration.console.test_audit import deeds
from tests.integration.storage.test_overview_plans import plans_of
from tests.integration.workers.test_journal import inbound

LIST = "/console/webhooks"
NAME = "bandwidth-1"
CAME = datetime(2026, 11, 21, 12, tzinfo=UTC)


def report(message_id: str, *, kind: str = "message-delivered") -> bytes:
    """Return what the carrier posts when it has delivered a message."""
    when = "2026-11-21T12:00:00.000Z"
    message = {
        "id": "carrier-ref-1",
        "owner": "+12025550150",
        "applicationId": "app-1",
        "time": when,
        "segmentCount": 1,
        "direction": "out",
        "to": [NUMBER],
        "from": "+12025550150",
        "text": "",
        "media": [],
        "tag": f"{message_id}.1",
    }
    return json.dumps([{"type": kind, "time": when, "to": NUMBER, "message": message}]).encode()


def keep(console: Console, *bodies: bytes, verdict: str = "deliver") -> list[str]:
    """Put webhooks into the journal, a second after each other."""
    digests = [sha256(body).hexdigest() for body in bodies]
    rows = [
        Webhook(digest=digest, connection=NAME, at=CAME + timedelta(seconds=n), body=body, verdict=verdict)
        for n, (digest, body) in enumerate(zip(digests, bodies, strict=True))
    ]
    console.database.write(lambda sql: webhooks.keep(sql, rows))
    return digests


def listed(text: str) -> list[str]:
    return re.findall(rf'data-row href="{LIST}/([0-9a-f]+)"', text)


async def test_webhooks_are_listed_with_what_they_were_about_the_newest_first(console: Console) -> None:
    filled = fill(console.database, console.settings)
    bodies = (
        report(filled.delivered),
        report("01930000-0000-7000-8000-000000000000"),
        report(filled.delivered, kind="message-odd"),
        f"no JSON {HOSTILE}".encode(),
    )
    digests = keep(console, *bodies, verdict=HOSTILE)
    one = await console.person("vera")
    page = await one.get(f"{LIST}?connection={NAME}")
    assert listed(page.text) == digests[::-1]
    unreadable, odd, strange, known = page.text.split("<tr>")[2:]
    assert "nobody can read it" in unreadable
    assert "we do not know" in odd
    assert "fits nothing: parked" in strange
    assert f"/console/messages/{filled.delivered}" in known
    assert "<script>alert" not in page.text
    assert NUMBER not in page.text
    assert listed((await one.get(f"{LIST}?connection=nobody")).text) == []


async def test_the_journal_is_paged_without_leaving_any_out(console: Console) -> None:
    digests = keep(console, *(report(f"m{number}") for number in range(51)))
    one = await console.person("vera")
    page = await one.get(LIST)
    assert listed(page.text) == digests[:0:-1]
    (older,) = re.findall(r'href="([^"]+)">older', page.text)
    assert listed((await one.get(older.replace("&amp;", "&"))).text) == digests[:1]
    assert (await one.get(f"{LIST}?at=soon")).status == 422


async def test_a_webhook_is_shown_without_what_it_holds_and_whole_to_who_may_read_it(
    console: Console,
) -> None:
    body = inbound("in-1", text=HOSTILE)
    (digest,) = keep(console, body)
    for name in ("vera", "oscar"):
        other = await console.person(name)
        page = await other.get(f"{LIST}/{digest}")
        assert page.status == 200
        assert "takes the role content" in page.seen
        assert NUMBER not in page.text
        assert "alert(1)" not in page.text
        assert (await other.post(f"{LIST}/{digest}/reveal")).status == 403
    one = await console.person("connie")
    page = await one.post(f"{LIST}/{digest}/reveal")
    assert NUMBER in page.seen
    assert "alert(1)" in page.seen
    assert "<script>alert" not in page.text
    noted = deeds(console, action="webhooks reveal")[0]
    assert (noted.operator, noted.subject, noted.refused) == ("connie", digest, "")
    for nothing in ("ab" * 32, "x" * 900):
        assert (await one.get(f"{LIST}/{nothing}")).status == 404


async def test_what_fits_nothing_is_listed_apart(console: Console) -> None:
    from broker.domain.event import Inbound, Report
    from broker.domain.status import Event

    told = Report(
        event=Event.DELIVER, at=CAME, key="k", message_id="m-1", provider_ref=HOSTILE, recipient=NUMBER
    )
    came = Inbound(
        provider_ref="in-1", originator=NUMBER, recipient="+12025550177", at=CAME, key="i", text="secret"
    )

    def job(sql: object) -> None:
        arrivals = receive.receive(
            sql,
            [(NAME, came, "digest")],
            {},
            now_ms=NOW_MS,
            settings=console.settings,  # type: ignore[arg-type]
        )
        parking = [*reports.park([(NAME, told, "digest")], now_ms=NOW_MS), *arrivals.quarantined]
        parked.park(sql, parking)  # type: ignore[arg-type]

    console.database.write(job)
    one = await console.person("vera")
    page = await one.get(f"{LIST}/parked")
    assert "no such message" in page.seen
    assert "nobody's number" in page.seen
    assert "+1202***0101" in page.seen
    for wild in (NUMBER, "secret", "<script>alert"):
        assert wild not in page.text
    assert "Nothing is parked." in (await one.get(f"{LIST}/parked?connection=other")).seen
    assert (await one.get(f"{LIST}/parked?cursor=x")).status == 422


async def test_an_administrator_has_a_time_read_again_with_a_reason_and_it_has_no_second_effect(
    console: Console,
) -> None:
    filled = fill(console.database, console.settings)
    late = report(filled.rejected)
    keep(console, late, verdict="?")
    form = {
        "connection": NAME,
        "since": "2026-11-21T00:00",
        "until": "2026-11-22T00:00",
        "reason": "a new word",
    }
    for name in ("vera", "connie", "oscar"):
        assert (await (await console.person(name)).post(f"{LIST}/replay", form)).status == 403
    one = await console.person("ada")
    for change in ({"reason": ""}, {"since": ""}, {"until": "2026-11-20T00:00"}, {"since": "soon"}):
        assert (await one.post(f"{LIST}/replay", {**form, **change})).status == 422
    page = await one.sent(f"{LIST}/replay", form)
    assert "1 webhooks were read again" in page.seen
    noted = deeds(console, action="webhooks replay")[0]
    assert (noted.operator, noted.reason, noted.refused) == ("ada", "a new word", "")
    assert noted.details["since"] == "2026-11-21T00:00"
    known = console.database.read(lambda sql: messages.load(sql, [filled.delivered, filled.rejected]))
    before = {one.id: one.status for one in known.values()}
    assert "0 messages moved" in (await one.sent(f"{LIST}/replay", form)).seen
    known = console.database.read(lambda sql: messages.load(sql, [filled.delivered, filled.rejected]))
    assert {one.id: one.status for one in known.values()} == before
    assert before[filled.delivered] is Status.DELIVERED


async def test_before_a_time_is_read_again_it_is_said_how_many_webhooks_it_holds(console: Console) -> None:
    filled = fill(console.database, console.settings)
    keep(console, report(filled.rejected), verdict="?")
    one = await console.person("ada")
    page = await one.get(LIST)
    assert f'action="{LIST}/again"' in page.text
    assert f'action="{LIST}/replay"' not in page.text
    asked = f"{LIST}/again?connection={NAME}&since=2026-11-21T00:00&until=2026-11-22T00:00"
    page = await one.get(asked)
    assert f"1 webhook of {NAME} from 2026-11-21 00:00:00 until 2026-11-22 00:00:00" in page.seen
    form = dict(re.findall(r'type="hidden" name="(connection|since|until)" value="([^"]*)"', page.text))
    assert "1 webhooks were read again" in (await one.sent(f"{LIST}/replay", {**form, "reason": "new"})).seen
    assert "1 webhook of all connections" in (await one.get(asked.replace(f"connection={NAME}&", ""))).seen
    nothing = await one.get(asked.replace("2026", "2025"))
    assert "There is nothing to read again" in nothing.seen
    assert '<button class="danger"' not in nothing.text
    for wrong in (
        "since=2026-11-21T00:00",
        "since=x&until=y",
        "since=2026-11-22T00:00&until=2026-11-21T00:00",
    ):
        assert (await one.get(f"{LIST}/again?{wrong}")).status == 422
    assert (await (await console.person("oscar")).get(asked)).status == 403


def test_webhooks_of_a_time_are_counted_up_to_a_bound_along_their_index(database: Database) -> None:
    at = datetime(2026, 11, 21, 12, tzinfo=UTC)
    rows = [
        Webhook(digest=f"{n:064x}", connection=NAME, at=at + timedelta(minutes=n), body=b"[]", verdict="")
        for n in range(9)
    ]
    database.write(lambda sql: webhooks.keep(sql, rows))

    def number(sql: Sql, most: int) -> int:
        until = at + timedelta(minutes=8)
        return webhooks.number(sql, NAME, since=at + timedelta(minutes=1), until=until, most=most)

    assert database.read(lambda sql: [number(sql, most) for most in (5, 7, 99)]) == [5, 7, 7]

    def ask(sql: Sql) -> list[str]:
        if sql.dialect.name == "postgresql":
            sql.execute(text("SET LOCAL enable_seqscan = off"))
        return plans_of(sql, lambda one: number(one, 5))

    assert all("ix_webhooks_connection_at" in plan for plan in database.read(ask))
