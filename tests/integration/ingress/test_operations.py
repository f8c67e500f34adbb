"""What operators are shown through a real socket, and who is an operator."""

from datetime import UTC, datetime
from typing import Any

import pytest
from aiohttp import encode_basic_auth

from broker.domain.logbook import Entry, Kind, LogQuery
from broker.settings import Settings
from broker.storage import logbook
from broker.storage.database import Database
from tests.integration.ingress.conftest import DOCUMENT, KEY, PASSWORD, Ingress, Running

PEOPLE = [
    {"name": "eve", "password": "only looks", "role": "viewer"},
    {"name": "ada", "password": "does it all", "role": "admin"},
]
WITH_PEOPLE: dict[str, Any] = {**DOCUMENT, "operators": PEOPLE}
VIEWER = {"Authorization": encode_basic_auth("eve", "only looks")}
LOG = "/v1/connections/bandwidth-1/log"


async def ask(ingress: Ingress, path: str = LOG, headers: dict[str, str] = VIEWER, **query: str) -> Any:
    async with ingress.client.get(ingress.url + path, headers=headers, params=query) as answer:
        return answer.status, await answer.json()


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": f"Bearer {KEY}"},
        {"Authorization": encode_basic_auth("acme", PASSWORD)},
        {"Authorization": encode_basic_auth("eve", "guessed")},
        {"Authorization": encode_basic_auth("nobody", "only looks")},
        {"Authorization": "Basic ???"},
    ],
    ids=["nobody", "customer's key", "customer's password", "wrong", "unknown", "unreadable"],
)
async def test_only_operators_see_the_log(
    running: Running, settings: Settings, headers: dict[str, str]
) -> None:
    async with running(settings, WITH_PEOPLE) as ingress:
        for path in (LOG, "/v1/connections/nobody/log"):
            status, body = await ask(ingress, path, headers)
            assert (status, body["code"]) == (401, "authentication_failed")


async def test_the_log_is_paged_with_a_cursor(running: Running, settings: Settings) -> None:
    async with running(settings, WITH_PEOPLE) as ingress:
        at = datetime.now(UTC).replace(microsecond=412_000)
        entries = [
            Entry(at=at, connection="bandwidth-1", kind=Kind.ERROR, text=f"entry {n}") for n in range(5)
        ]
        database = Database(settings.database)
        database.write(lambda sql: logbook.write(sql, entries))
        database.close()
        texts, cursor = [], ""
        while cursor is not None:
            query = {"cursor": cursor} if cursor else {}
            status, page = await ask(ingress, limit="2", **query)
            assert status == 200
            texts += [entry["text"] for entry in page["data"]]
            cursor = page["next_cursor"]
        assert texts == [f"entry {n}" for n in (4, 3, 2, 1, 0)]
        _, page = await ask(ingress, order="oldest", limit="1")
        (first,) = page["data"]
        assert first == {
            "id": first["id"],
            "at": at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "connection": "bandwidth-1",
            "level": "INFO",
            "direction": "none",
            "kind": "error",
            "message_id": None,
            "text": "entry 0",
            "headers": {},
            "body": "",
            "tags": [],
        }
        assert await ask(ingress, since="2999-01-01T00:00:00Z") == (200, {"data": [], "next_cursor": None})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("cursor", "x"),
        ("cursor", "WzEsMSwiLTEiLDBd"),
        ("cursor", "WzEsMCwiYSIsMF0"),
        ("cursor", "bnVsbA"),
        ("cursor", "W10"),
        ("limit", "0"),
        ("limit", "1000"),
        ("since", "yesterday"),
        ("since", "99999-01-01"),
        ("message", "x"),
        ("order", "random"),
        ("colour", "red"),
    ],
)
async def test_a_parameter_that_cannot_be_used_is_refused_by_name(
    running: Running, settings: Settings, name: str, value: str
) -> None:
    async with running(settings, WITH_PEOPLE) as ingress:
        status, body = await ask(ingress, **{name: value})
        assert (status, [error["pointer"] for error in body["errors"]]) == (400, [f"/{name}"])


async def test_an_unknown_connection_is_not_found(running: Running, settings: Settings) -> None:
    async with running(settings, WITH_PEOPLE) as ingress:
        assert (await ask(ingress, "/v1/connections/nobody/log"))[0] == 404
        assert (await ask(ingress, "/v1/connections/%00/log"))[0] == 404


async def test_webhooks_that_are_not_let_in_are_one_entry_however_many(
    running: Running, settings: Settings
) -> None:
    async with running(settings, WITH_PEOPLE) as ingress:
        for _ in range(20):
            async with ingress.client.post(f"{ingress.url}/webhooks/bandwidth-1", data=b"[]") as answer:
                assert answer.status == 401
    database = Database(settings.database)
    found = database.read(lambda sql: logbook.page(sql, LogQuery(connection="bandwidth-1")))
    database.close()
    (entry,) = (row for _, row in found if isinstance(row, Entry))
    assert entry.text.startswith("401, no Basic credentials: 20 webhooks ")


async def test_the_log_of_this_process_holds_no_password(
    running: Running, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    async with running(settings, WITH_PEOPLE) as ingress:
        await ask(ingress)
        await ask(ingress, headers={"Authorization": encode_basic_auth("eve", "guessed-canary")})
        page = await (await ingress.client.get(f"{ingress.url}/metrics")).text()
    said = capsys.readouterr()
    for word in ("only looks", "guessed-canary"):
        assert word not in page
        assert word not in said.out + said.err
