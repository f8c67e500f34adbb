"""Requests to erase a number, over a real socket and from the command line."""

import asyncio
import json
from contextlib import closing
from typing import Any

import pytest
import typer

from broker.cli import erasures as commands
from broker.settings import Settings
from broker.storage import erasures
from broker.storage.database import Database
from tests.integration.ingress.conftest import Ingress, Running
from tests.integration.ingress.test_operations import OPERATOR, VIEWER, WITH_PEOPLE, encode_basic_auth

ADMIN = {"Authorization": encode_basic_auth("ada", "does it all")}
PATH = "/v1/operators/erasures"
BODY = {"number": "(202) 555-0101", "reason": "asked by letter, +12025550101 and (202) 555-0177"}


async def post(ingress: Ingress, body: Any = None, headers: dict[str, str] = ADMIN) -> Any:
    answer = await ingress.client.post(
        ingress.url + PATH, json=BODY if body is None else body, headers=headers
    )
    return answer.status, await answer.json()


async def test_an_administrator_has_a_number_erased_and_everybody_sees_who_and_why_but_no_number(
    running: Running, settings: Settings
) -> None:
    async with running(settings, WITH_PEOPLE) as ingress:
        status, taken = await post(ingress)
        assert (status, taken["who"], taken["reason"]) == (
            202,
            "ada",
            "asked by letter, *** and +2025***0177",
        )
        assert (taken["step"], taken["waiting"], taken["erased"], taken["ended_at"]) == ("wait", 0, {}, None)
        assert (await post(ingress))[1]["id"] == taken["id"]
        page = await (await ingress.client.get(ingress.url + PATH, headers=VIEWER)).json()
        assert page["data"] == [taken]
        assert "5550101" not in json.dumps(page)
        with closing(Database(settings.database)) as database:
            (kept,) = database.read(erasures.every)
        assert kept.reason == taken["reason"], "it is kept as it is shown"


@pytest.mark.parametrize(
    ("changes", "status", "pointer"),
    [
        ({"number": "nobody"}, 422, "/number"),
        ({"number": "+12025550150"}, 422, "/number"),
        ({"number": ["+12025550101"]}, 422, "/number"),
        ({"reason": ""}, 422, "/reason"),
        ({"when": "now"}, 422, "/when"),
    ],
)
async def test_what_cannot_be_erased_is_refused_by_name(
    running: Running, settings: Settings, changes: dict[str, Any], status: int, pointer: str
) -> None:
    async with running(settings, WITH_PEOPLE) as ingress:
        found, body = await post(ingress, {**BODY, **changes})
        assert (found, [error["pointer"] for error in body["errors"]]) == (status, [pointer])
        page = await (await ingress.client.get(ingress.url + PATH, headers=VIEWER)).json()
        assert page["data"] == []


async def test_only_an_administrator_may(running: Running, settings: Settings) -> None:
    async with running(settings, WITH_PEOPLE) as ingress:
        for headers, status in ((OPERATOR, 403), (VIEWER, 403), ({}, 401)):
            assert (await post(ingress, headers=headers))[0] == status
        assert (await ingress.client.get(ingress.url + PATH)).status == 401


async def test_the_command_line_does_the_same(
    running: Running, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    async with running(settings, WITH_PEOPLE) as ingress:
        login = {"url": ingress.url, "login": "ada:does it all"}
        with pytest.raises(typer.Exit) as ended:
            await asyncio.to_thread(commands.erase, "+12025550101", "asked", wait=0.1, json=True, **login)
        assert ended.value.exit_code == 1, "nobody sweeps here"
        await asyncio.to_thread(commands.erasures, json=True, **login)
    asked, listed = (line for line in capsys.readouterr().out.splitlines() if "[info" not in line)
    assert json.loads(asked) == json.loads(listed)
    assert json.loads(asked)["step"] == "wait"
