"""The sections of a connection's page: what leads to it, how it is set up, what fails, and its circuit."""

import asyncio
import re
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import insert

from broker.domain.ids import new_id
from broker.domain.status import Event
from broker.domain.usage import CircuitState
from broker.keyspace import keys
from broker.keyspace.circuits import OPENS_AFTER
from broker.keyspace.client import open_sync
from broker.storage import messages, provision, submissions, tables
from broker.storage.flowing import MOST
from broker.storage.messages import Fresh
from broker.storage.submissions import Ended
from tests.conftest import SECRET_KEY
from tests.factories import NOW_MS, make_message
from tests.integration.console.conftest import Console
from tests.integration.console.filling import HOSTILE, fill, fill_beside
from tests.integration.ingress.conftest import DOCUMENT, WEBHOOK_PASSWORD

PATH = "/console/connections/bandwidth-1"
SECTIONS = ("health", "errors", "routes", "webhook-urls", "config", "audit")


def provide(console: Console, document: dict[str, Any]) -> None:
    """Apply a provisioning document."""
    console.database.write(lambda sql: provision.apply(sql, document, secret_key=SECRET_KEY))


def break_circuit(console: Console, failures: int = OPENS_AFTER) -> None:
    """Have the circuit of the connection count failures."""
    with open_sync(console.settings.redis_url, console.settings) as client:
        client.hset(keys.breaker("bandwidth-1"), mapping={"failures": failures, "until": 2**50})


async def test_each_section_has_an_address_and_is_marked_as_the_one_that_is_shown(console: Console) -> None:
    one = await console.person("oscar")
    for section in SECTIONS:
        page = await one.get(f"{PATH}/{section}")
        assert page.status == 200, page.seen
        assert page.text.count(f'href="{PATH}/{section}" aria-current="page"') == 1
        assert "✓ Ready" in page.seen
        assert (await one.get(f"/console/connections/nobody/{section}")).status == 404
    assert f'href="{PATH}" aria-current="page"' in (await one.get(PATH)).text


async def test_who_only_looks_sees_no_audit_of_a_connection(console: Console) -> None:
    one = await console.person("vera")
    assert f"{PATH}/audit" not in (await one.get(PATH)).text
    assert (await one.get(f"{PATH}/audit")).status == 403


async def test_routes_names_every_sender_that_leads_here_and_why(console: Console) -> None:
    second = {**DOCUMENT["connections"][0], "name": "second", "senders": ["+12025550160"]}  # type: ignore[dict-item]
    route = {"account": "acme", "sender": "+12025550151", "connection": "second", "fallback": "bandwidth-1"}
    routed = {"account": "beta", "sender": "+12025550177", "connection": "bandwidth-1"}
    before = await (await console.person()).get(f"{PATH}/routes")
    assert "acme +12025550151 no rule says otherwise: it is the first connection none" in before.seen
    provide(console, {"connections": [second], "routes": [route, routed]})
    one = await console.person()
    first = (await one.get(f"{PATH}/routes")).seen
    assert "acme +12025550150 the sender is the connection's none" in first
    assert "acme +12025550151 its route, when the other cannot be used second" in first
    assert "beta +12025550177 its route none" in first
    assert "globex" not in first, "its sender is the other connection's"
    assert "+12025550150 acme" in first, "what arrives"
    other = (await one.get("/console/connections/second/routes")).seen
    assert "acme +12025550151 its route bandwidth-1" in other
    assert "globex +12025550160 the sender is the connection's none" in other
    assert "+12025550160 ! nobody" in other


async def test_config_shows_what_is_in_force_and_no_secret(console: Console) -> None:
    secrets = {
        "password": "carrier-pass",
        "webhook_password": "hook-pass",
        "client_secret": "first-secret",
        "next_client_secret": "next-secret",
        "signing_key": "nobody declared it harmless",
        "base_url": "https://someone:url-pass@api.example/v2?key=url-key",
    }
    provide(console, {"connections": [{**DOCUMENT["connections"][0], **secrets}]})  # type: ignore[dict-item]
    one = await console.person()
    page = await one.get(f"{PATH}/config")
    while "api.example" not in page.text:  # connections are read every two seconds
        await asyncio.sleep(0.1)
        page = await one.get(f"{PATH}/config")
    for secret in (
        "carrier-pass",
        "hook-pass",
        "first-secret",
        "next-secret",
        "harmless",
        "url-pass",
        "url-key",
    ):
        assert secret not in page.text, secret
    assert "signing_key set; it is not shown provisioned" in page.seen
    assert "base_url https://***@api.example/v2?*** provisioned" in page.seen
    assert "media_mode upload default" in page.seen
    assert "mms_receipts yes default" in page.seen
    assert "account_id 9900000 provisioned" in page.seen
    assert "mps any provisioned" in page.seen
    assert "recipients of a group at most 10 carrier" in page.seen


async def test_the_address_for_the_carrier_is_given_with_its_user_and_without_its_password(
    console: Console,
) -> None:
    one = await console.person()
    page = await one.get(f"{PATH}/webhook-urls")
    assert f"{console.settings.reached_at}/webhooks/bandwidth-1" in page.seen
    assert "carrier , Basic" in page.seen
    assert WEBHOOK_PASSWORD not in page.text
    assert "BROKER_PUBLIC_URL is not set" in page.seen
    assert "Last call none yet" in page.seen
    digest = fill_beside(console.database)
    page = await one.get(f"{PATH}/webhook-urls")
    assert "/console/webhooks/" in page.text
    assert digest
    assert "<script>alert" not in page.text


async def test_errors_are_counted_by_cause_and_lead_to_their_messages(console: Console) -> None:
    filled = fill(console.database, console.settings)
    now = datetime.now(UTC)
    lost = [make_message(id=new_id(), created_at=now) for _ in range(3)]

    def job(sql: Any) -> None:
        claimed = {"event": Event.CLAIM, "due_at": NOW_MS, "connection": "bandwidth-1"}
        messages.add(sql, [Fresh(message=one, **claimed) for one in lost])
        submissions.begin(sql, [(one.id, 1, "bandwidth-1") for one in lost], at=now)
        ends = {"at": now, "number": 1, "outcome": "deferred", "http_status": 503, "error": f"no {HOSTILE}"}
        submissions.end(sql, [Ended(message_id=one.id, **ends) for one in lost])  # type: ignore[arg-type]

    console.database.write(job)
    one = await console.person()
    page = await one.get(f"{PATH}/errors")
    assert "<script>alert" not in page.text
    assert "deferred 503 no <script>" in page.seen
    assert f"3 …{max(one.id for one in lost)[-12:]}" in page.seen
    assert re.search(r"refused 400 \S 1", page.seen)
    (href,) = {
        href.replace("&amp;", "&")
        for href in re.findall(r'href="(/console/messages\?[^"]*cause=4720[^"]*)"', page.text)
    }
    listed = await one.get(href)
    assert filled.rejected in listed.text
    assert filled.delivered not in listed.text
    assert "bandwidth-1" in href
    other = {**DOCUMENT["connections"][0], "name": "second"}  # type: ignore[dict-item]
    provide(console, {"connections": [other]})
    page = await one.get("/console/connections/second/errors?window=7d")
    assert page.seen.count("None did.") == 2
    assert page.text.count('aria-current="true">7d<') == 1


async def test_health_tells_attempts_latency_and_circuit(console: Console) -> None:
    fill(console.database, console.settings)
    break_circuit(console, failures=3)
    page = await (await console.person()).get(f"{PATH}/health")
    assert "closed, 3 failures in a row" in page.seen
    assert "hour 2 1 50.0 % refused 1" in page.seen
    assert "Reset circuit" not in page.seen


async def test_an_open_circuit_is_reset_by_an_operator_and_it_is_on_record(console: Console) -> None:
    vera, oscar = await console.person("vera"), await console.person("oscar")
    break_circuit(console)
    assert "✕ Circuit open" in (await vera.get(PATH)).seen
    assert "Reset circuit" not in (await vera.get(PATH)).seen
    assert (await vera.post(f"{PATH}/reset-circuit", {"reason": "x"})).status == 403
    assert (await oscar.post(f"{PATH}/reset-circuit", {"reason": ""})).status == 422
    assert "✕ Circuit open" in (await oscar.get(PATH)).seen
    assert "Reset circuit" in (await oscar.get(f"{PATH}/health")).seen
    answer = await oscar.post(f"{PATH}/reset-circuit", {"reason": "their router is mended"})
    assert answer.headers["Location"] == PATH
    assert "✓ Ready" in (await oscar.get(PATH)).seen
    assert (await oscar.post("/console/connections/nobody/reset-circuit", {"reason": "x"})).status == 404
    page = (await oscar.get(f"{PATH}/audit")).seen
    assert "oscar connections reset-circuit their router is mended console" in page
    assert "vera connections reset-circuit ✕ refused this takes the role operator" in page


async def test_the_audit_of_a_connection_is_about_nothing_else(console: Console) -> None:
    provide(console, {"accounts": [{"name": "bandwidth-1", "api_keys": ["k"]}]})
    one = await console.person("oscar")
    await one.post("/console/callbacks/replay", {"rate": "5", "account": "bandwidth-1", "reason": "r"})
    for number in range(60):
        await one.post(f"{PATH}/resume", {"reason": f"try {number}"})
    page = await one.get(f"{PATH}/audit")
    assert "callbacks replay" not in page.seen
    assert "try 59" in page.seen
    (older,) = re.findall(r'href="([^"]+)">older', page.text)
    rest = await one.get(older)
    assert "try 9 " in rest.seen
    assert "callbacks replay" not in rest.seen
    assert (await one.get(f"{PATH}/audit?cursor=x")).status == 422


async def test_old_errors_are_left_out_of_a_short_window(console: Console) -> None:
    old = datetime.now(UTC) - timedelta(hours=2)
    message = make_message(id=new_id(), created_at=old)

    def job(sql: Any) -> None:
        messages.add(
            sql, [Fresh(message=message, event=Event.CLAIM, due_at=NOW_MS, connection="bandwidth-1")]
        )
        submissions.begin(sql, [(message.id, 1, "bandwidth-1")], at=old)
        ended = Ended(
            message_id=message.id, number=1, at=old, outcome="deferred", http_status=503, error="away"
        )
        submissions.end(sql, [ended])

    console.database.write(job)
    one = await console.person()
    assert "deferred 503 away 1" in (await one.get(f"{PATH}/errors")).seen
    assert "away" not in (await one.get(f"{PATH}/errors?window=1h")).seen


async def test_the_circuit_states_are_three_words(console: Console) -> None:
    one = await console.person("oscar")
    break_circuit(console)
    assert "The circuit is open." in (await one.get(PATH)).seen
    with open_sync(console.settings.redis_url, console.settings) as client:
        client.hset(keys.breaker("bandwidth-1"), "probing", 1)
    assert "The circuit is being tried with a few." in (await one.get(PATH)).seen
    assert [str(state) for state in CircuitState] == ["closed", "trying", "open"]


async def test_health_says_where_it_counted_only_the_last_attempts(console: Console) -> None:
    now = datetime.now(UTC)
    like = {"number": 1, "connection": "bandwidth-1", "started_at": now}

    def job(sql: Any) -> None:
        old = {**like, "ended_at": now - timedelta(minutes=30), "outcome": "sent"}
        new = {**like, "ended_at": now - timedelta(minutes=10), "outcome": "not_sent"}
        sql.execute(insert(tables.submissions), [{"message_id": new_id(), **old} for _ in range(MOST)])
        sql.execute(insert(tables.submissions), [{"message_id": new_id(), **new} for _ in range(MOST // 2)])

    console.database.write(job)
    seen = (await (await console.person()).get(f"{PATH}/health")).seen
    assert "hour of the last 20,000 10,000 50.0 % not_sent 10,000" in seen
    assert "15 minutes 10,000 0 100.0 %" in seen, "all of them"


async def test_routes_says_how_many_more_there_are(console: Console) -> None:
    numbers = [f"+1202556{number:04}" for number in range(503)]
    many = {**DOCUMENT["connections"][0], "name": "many", "senders": numbers}  # type: ignore[dict-item]
    provide(console, {"connections": [many]})
    page = await (await console.person()).get("/console/connections/many/routes")
    assert page.text.count("+1202556") == 500
    assert "3 more numbers are its own." in page.seen


async def test_numbers_in_a_reason_are_masked_for_all_who_look(console: Console) -> None:
    oscar, vera = await console.person("oscar"), await console.person("vera")
    reason = "complaints of +12025550123 and (202) 555-0199"
    assert (await oscar.post(f"{PATH}/pause", {"reason": reason})).status == 303
    for page in (PATH, "/console/", "/console/connections"):
        seen = (await vera.get(page)).text
        assert "5550123" not in seen, page
        assert "555-0199" not in seen, page
    assert "oscar: complaints of " in (await vera.get(PATH)).seen
