"""Operators see, pause and resume connections, over a real socket and by the command line."""

import asyncio
import json
from typing import Any

import pytest

from broker.cli import connections as commands
from broker.domain.message import Priority
from broker.keyspace.client import open_sync
from broker.keyspace.lanes import Lanes, Place, score_of
from broker.settings import Settings
from broker.storage import accounts
from broker.storage.database import Database
from tests.integration.ingress.conftest import Ingress, Running
from tests.integration.ingress.test_operations import OPERATOR, VIEWER, WITH_PEOPLE

PATH = "/v1/connections"
ONE = f"{PATH}/bandwidth-1"
REASON = {"reason": "the carrier asked for it"}


async def call(
    ingress: Ingress, method: str, path: str, body: Any = None, *, headers: dict[str, str] = OPERATOR
) -> Any:
    async with ingress.client.request(method, ingress.url + path, json=body, headers=headers) as answer:
        return answer.status, await answer.json()


def in_use(settings: Settings) -> list[str]:
    database = Database(settings.database)
    try:
        return [name for name, *_ in database.read(accounts.paces)]
    finally:
        database.close()


async def test_a_connection_is_paused_with_a_reason_and_resumed(running: Running, settings: Settings) -> None:
    async with running(settings, WITH_PEOPLE) as ingress:
        assert "bandwidth-1" in in_use(settings)
        status, row = await call(ingress, "POST", f"{ONE}/pause", REASON)
        assert (status, row["state"], row["reason"]) == (200, "paused", REASON["reason"])
        assert "bandwidth-1" not in in_use(settings)
        _, listed = await call(ingress, "GET", PATH, headers=VIEWER)
        assert [one for one in listed["data"] if one["name"] == "bandwidth-1"] == [row]
        status, row = await call(ingress, "POST", f"{ONE}/resume", {"reason": "it may go on"})
        assert (status, row["state"], row["since"], row["reason"]) == (200, "open", None, "")
        assert "bandwidth-1" in in_use(settings)


async def test_the_list_tells_how_much_waits_and_why_a_connection_is_held(
    running: Running, settings: Settings
) -> None:
    async with running(settings, WITH_PEOPLE) as ingress:
        database = Database(settings.database)
        database.write(lambda sql: accounts.hold(sql, "bandwidth-1", now_ms=1, reason="401 Unauthorized"))
        database.close()
        score = score_of(Priority.NORMAL, since_ms=1, price=1)
        places = [
            Place(id=f"{n}", connection="bandwidth-1", sender=f"+1202555015{n % 2}", score=score)
            for n in range(5)
        ]
        with open_sync(settings.redis_url, settings) as client:
            Lanes(client).add(places, now_ms=0)
        _, listed = await call(ingress, "GET", PATH, headers=VIEWER)
        (row,) = [one for one in listed["data"] if one["name"] == "bandwidth-1"]
        assert (row["state"], row["reason"], row["waiting"]) == ("held", "401 Unauthorized", 5)


@pytest.mark.parametrize(
    ("path", "body", "headers", "expected"),
    [
        (f"{ONE}/pause", REASON, VIEWER, (403, "not_permitted")),
        (f"{ONE}/pause", REASON, {}, (401, "authentication_failed")),
        (f"{PATH}/nobody/pause", REASON, OPERATOR, (404, "not_found")),
        (f"{PATH}/nobody/resume", REASON, OPERATOR, (404, "not_found")),
        (f"{ONE}/pause", {}, OPERATOR, (422, "missing_field")),
        (f"{ONE}/pause", {"reason": 7}, OPERATOR, (422, "invalid_field")),
        (f"{ONE}/pause", {**REASON, "for": "ever"}, OPERATOR, (422, "unknown_field")),
        (f"{ONE}/pause", [], OPERATOR, (400, "malformed")),
    ],
)
async def test_what_cannot_be_done_is_refused_and_changes_nothing(
    running: Running,
    settings: Settings,
    path: str,
    body: Any,
    headers: dict[str, str],
    expected: tuple[int, str],
) -> None:
    async with running(settings, WITH_PEOPLE) as ingress:
        status, problem = await call(ingress, "POST", path, body, headers=headers)
        code = problem["errors"][0]["code"] if problem.get("errors") else problem["code"]
        assert (status, code) == expected
        assert "bandwidth-1" in in_use(settings)


async def test_the_command_line_pauses_and_resumes(
    running: Running, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    async with running(settings, WITH_PEOPLE) as ingress:
        login = {"url": ingress.url, "login": "oscar:acts too", "data": settings.data_dir}
        await asyncio.to_thread(commands.pause, "bandwidth-1", "tests", **login)
        assert capsys.readouterr().out.endswith("bandwidth-1 is paused; 0 messages wait for it\n")
        await asyncio.to_thread(commands.list_connections, json=True, **login)
        (row, *_) = map(json.loads, capsys.readouterr().out.splitlines())
        assert (row["name"], row["state"], row["reason"]) == ("bandwidth-1", "paused", "tests")
        await asyncio.to_thread(commands.resume, "bandwidth-1", "tests", **login)
        assert capsys.readouterr().out.endswith("bandwidth-1 is open; 0 messages wait for it\n")
