"""The audit: what people do and look at is on record before it happens, and stays there."""

import re
from typing import Any

import pytest
from aiohttp import encode_basic_auth
from sqlalchemy import text
from sqlalchemy.exc import DatabaseError

from broker.domain.deed import Deed, DeedQuery, Door, Noted
from broker.storage import audit
from tests.integration.console.conftest import PASSWORDS, Console, Opening
from tests.integration.console.filling import HOSTILE, fill, fill_waiting, fill_worker
from tests.unit.test_house import ROOT

LIST = "/console/audit"


def deeds(console: Console, **which: Any) -> list[Noted]:
    """Return what is on record, the newest first."""
    return console.database.read(lambda sql: audit.page(sql, DeedQuery(**which)))[0]


async def test_what_somebody_does_is_on_record_with_who_when_what_and_why(console: Console) -> None:
    one = await console.person("oscar")
    reason = f"+12025550101 asked {HOSTILE}"
    await one.post("/console/connections/bandwidth-1/pause", {"reason": reason})
    (noted,) = deeds(console, action="connections pause")
    assert (noted.operator, noted.door, noted.subject, noted.refused) == (
        "oscar",
        Door.CONSOLE,
        "bandwidth-1",
        "",
    )
    assert noted.reason.startswith("+1202***0101 asked <script>")
    assert deeds(console, action="sign in")[0].operator == "oscar"
    page = await one.get(LIST)
    assert "bandwidth-1" in page.seen
    assert "<script>alert" not in page.text
    assert "5550101" not in page.text


async def test_what_is_refused_is_on_record_too(console: Console) -> None:
    vera, oscar = await console.person("vera"), await console.person("oscar")
    await vera.post("/console/connections/bandwidth-1/pause", {"reason": "x"})
    await oscar.post("/console/connections/nobody/pause", {"reason": "x"})
    asked = deeds(console, action="connections pause")
    assert [(one.operator, one.refused) for one in asked] == [
        ("oscar", "there is no such connection"),
        ("oscar", ""),
        ("vera", "this takes the role operator"),
    ]


async def test_every_form_of_the_console_is_noted_but_those_that_concern_only_the_person(
    console: Console,
) -> None:
    from broker.console.gate import _deed

    assert _deed("/console/messages/{id}/reveal") == "messages reveal"
    one = await console.person("ada")
    filled = fill(console.database, console.settings)
    fill_worker(console.settings)
    await one.post("/console/theme", {"theme": "dark", "back": "/console/"})
    before = len(deeds(console))
    for path, form in (
        (f"/console/messages/{filled.delivered}/reveal", {}),
        (f"/console/messages/{fill_waiting(console.database)}/cancel", {"reason": "r"}),
        ("/console/connections/bandwidth-1/resume", {"reason": "r"}),
        ("/console/connections/bandwidth-1/reset-circuit", {"reason": "r"}),
        ("/console/connections/bandwidth-1/rate", {"reason": "r", "mps": "5"}),
        ("/console/workers/w-1%40host/drain", {"reason": "r"}),
        ("/console/workers/w-1%40host/resume", {"reason": "r"}),
        (
            "/console/connections/bandwidth-1/test",
            {"account": "acme", "to": "+12025550101", "text": "Hush", "once": filled.letter},
        ),
        (
            "/console/send/message",
            {
                "account": "acme",
                "to": "+12025550133\n+12025550134",
                "text": "Hush",
                "once": filled.letter,
            },
        ),
        ("/console/callbacks/replay", {"rate": "5", "reason": "r"}),
        ("/console/dead-letters/settle", {"id": filled.letter, "what": "discard", "reason": "r"}),
    ):
        await one.post(path, form)
    assert [noted.action for noted in deeds(console)[: len(deeds(console)) - before]] == [
        "dead-letters settle",
        "callbacks replay",
        "send message",
        "connections test",
        "workers resume",
        "workers drain",
        "connections rate",
        "connections reset-circuit",
        "connections resume",
        "messages cancel",
        "messages reveal",
    ]
    assert deeds(console)[0].details == {"id": filled.letter, "what": "discard"}
    assert deeds(console)[2].details == {"account": "acme", "to": "+1202***0133, +1202***0134"}
    assert deeds(console)[3].details == {"account": "acme", "to": "+1202***0101"}
    assert [deeds(console)[place].subject for place in (4, 5, 10)] == ["w-1@host"] * 2 + [filled.delivered]
    assert deeds(console)[6].details == {"mps": "5"}


async def test_what_is_done_with_the_simulators_phones_is_noted_without_their_numbers(
    opening: Opening, simulator: str
) -> None:
    async with opening(simulator_url=simulator) as console:
        one = await console.person("oscar")
        form = {"to": "+12025550150", "text": "Hush"}
        assert (await one.post("/console/handsets/%2B12025550101/reply", form)).status == 303
        assert (await one.post("/console/handsets/dials", {"latency_ms": "5"})).status == 303
        dials, reply = deeds(console)[:2]
    assert (dials.action, dials.operator, dials.subject) == ("handsets dials", "oscar", "")
    assert (reply.action, reply.subject, reply.details) == (
        "handsets reply",
        "+1202***0101",
        {"to": "+1202***0150"},
    )


async def test_the_audit_is_filtered_paged_and_for_operators_only(console: Console) -> None:
    def job(sql: Any) -> None:
        from datetime import UTC, datetime

        for number in range(130):
            deed = Deed(operator=f"o{number % 2}", door=Door.API, action="a", subject=f"s{number}")
            audit.note(sql, deed, at=datetime.now(UTC))

    console.database.write(job)
    one = await console.person("oscar")
    page = await one.get(f"{LIST}?operator=o1&action=a")
    rows = re.findall(r">(s\d+)</a>", page.text)
    assert rows == [f"s{number}" for number in range(129, 0, -2)]
    page = await one.get(f"{LIST}?action=a")
    (older,) = re.findall(r'href="([^"]+)">older', page.text)
    page = await one.get(older.replace("&amp;", "&"))
    assert re.findall(r">(s\d+)</a>", page.text) == [f"s{number}" for number in range(29, -1, -1)]
    assert re.findall(r">(s\d+)</a>", (await one.get(f"{LIST}?subject=s7")).text) == ["s7"]
    assert (await one.get(f"{LIST}?cursor=x")).status == 422
    for name in ("vera", "connie"):
        assert (await (await console.person(name)).get(LIST)).status == 403


@pytest.mark.parametrize("what", ["UPDATE audit SET operator = 'nobody'", "DELETE FROM audit"])
async def test_no_row_of_the_audit_is_changed_or_deleted(console: Console, what: str) -> None:
    await console.person("oscar")
    before = deeds(console)
    assert before
    with pytest.raises(DatabaseError, match="only added to"):
        console.database.write(lambda sql: sql.execute(text(what)))
    assert deeds(console) == before


API: list[tuple[str, Any, str, str]] = [
    ("/v1/connections/bandwidth-1/pause", {"reason": "why"}, "connections pause", "bandwidth-1"),
    ("/v1/connections/bandwidth-1/hold", {"reason": "why"}, "connections hold", "bandwidth-1"),
    ("/v1/connections/bandwidth-1/drain", {"reason": "why"}, "connections drain", "bandwidth-1"),
    (
        "/v1/connections/bandwidth-1/reset-circuit",
        {"reason": "why"},
        "connections reset-circuit",
        "bandwidth-1",
    ),
    ("/v1/connections/bandwidth-1/rate", {"reason": "why", "mps": 5}, "connections rate", "bandwidth-1"),
    (
        "/v1/connections/bandwidth-1/test",
        {"account": "acme", "to": "+12025550101", "text": "Hush"},
        "connections test",
        "bandwidth-1",
    ),
    ("/v1/connections/bandwidth-1/resume", {"reason": "why"}, "connections resume", "bandwidth-1"),
    ("/v1/workers/w-1@host/drain", {"reason": "why"}, "workers drain", "w-1@host"),
    ("/v1/workers/w-1@host/resume", {"reason": "why"}, "workers resume", "w-1@host"),
    ("/v1/callbacks/replay?account=acme&rate=5", None, "callbacks replay", "acme"),
    ("/v1/dead-letters/put-back?account=acme&rate=5&reason=why", None, "dead-letters settle", ""),
    ("/v1/dead-letters/discard?kind=media&reason=why", None, "dead-letters settle", ""),
    ("DELETE /v1/dead-letters/jobs/a-job?reason=why", None, "dead-letters stay", "a-job"),
    (
        "/v1/webhooks/replay?from=2026-01-01T00:00:00Z&until=2026-01-02T00:00:00Z&connection=bandwidth-1",
        None,
        "webhooks replay",
        "bandwidth-1",
    ),
    (
        "/v1/operators/opt-outs",
        {"sender": "+12025550150", "recipient": "+12025550101", "account": "acme", "reason": "why"},
        "opt-outs add",
        "acme",
    ),
    (
        "/v1/operators/opt-outs/remove",
        {"sender": "+12025550150", "recipient": "+12025550101", "reason": "why"},
        "opt-outs remove",
        "",
    ),
    (
        "/v1/operators/erasures",
        {"number": "+12025550101", "reason": "why"},
        "erasures begin",
        "+1202***0101",
    ),
]


@pytest.mark.parametrize(("path", "body", "action", "subject"), API, ids=[one[2] for one in API])
async def test_what_operators_do_through_the_api_is_on_record_too(
    console: Console, path: str, body: Any, action: str, subject: str
) -> None:
    one = console.somebody()
    headers = {"Authorization": encode_basic_auth("ada", PASSWORDS["ada"])}
    method, _, path = path.rpartition(" ")
    async with one.client.request(method or "POST", one.url + path, json=body, headers=headers) as answer:
        assert answer.status < 500, await answer.text()
        went_well = answer.status < 400
    noted = deeds(console)
    assert [row.action for row in noted] == [action] * (1 if went_well else 2)
    assert (noted[-1].operator, noted[-1].door, noted[-1].subject, noted[-1].refused) == (
        "ada",
        Door.API,
        subject,
        "",
    )
    assert bool(noted[0].refused) is not went_well
    assert "5550101" not in str(noted).replace("***0101", "")
    if "why" in path or "reason" in (body or {}):
        assert noted[-1].reason == "why"


async def test_credit_that_an_administrator_gives_is_on_record(console: Console) -> None:
    one = console.somebody()
    asked = {
        "action": "addcredits",
        "username": "ada",
        "password": PASSWORDS["ada"],
        "useraccount": "acme",
        "credits": "5",
    }
    async with one.client.get(f"{one.url}/api", params=asked) as answer:
        assert answer.status == 200
    noted = deeds(console)[-1]
    assert (noted.operator, noted.action, noted.subject, noted.details) == (
        "ada",
        "credit add",
        "acme",
        {"amount": "5"},
    )


def test_every_way_to_change_something_as_an_operator_is_tested_here() -> None:
    paths = [path.partition("?")[0].removeprefix("DELETE ") for path, *_ in API]
    named = {path.replace("bandwidth-1", "{name}").replace("a-job", "{id}") for path in paths}
    named = {path.replace("w-1@host", "{name}") for path in named}
    source = "".join(path.read_text() for path in (ROOT / "broker" / "ingress").glob("*.py"))
    served = set(re.findall(r'router\.add\(\s*"(?:POST|DELETE)", "(/v1/[^"]+)"', source)) - {"/v1/media"}
    assert served == named
