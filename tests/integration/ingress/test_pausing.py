"""Operators see, stop, resume, change and try connections, over a real socket and by the command line."""

import asyncio
import json
from typing import Any

import pytest

from broker.cli import connections as commands
from broker.dispatch import Queue
from broker.domain.message import Priority
from broker.keyspace import keys
from broker.keyspace.circuits import OPENS_AFTER
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
TRIAL = {"account": "acme", "to": "+12025550101", "text": "Does it work?"}
UNCHANGED = (None, None)


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


def rates(settings: Settings) -> tuple[float | None, float | None]:
    database = Database(settings.database)
    try:
        return next((one.mps, one.sender_mps) for one in database.read(accounts.usages))
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


@pytest.mark.parametrize("how", ["pause", "hold", "drain"])
async def test_a_stop_says_when_it_ends_by_itself(running: Running, settings: Settings, how: str) -> None:
    async with running(settings, WITH_PEOPLE) as ingress:
        ends = {**REASON, "until": "2036-01-17T13:10:26+01:00"}
        status, row = await call(ingress, "POST", f"{ONE}/{how}", ends)
        assert (status, row["until"]) == (200, "2036-01-17T12:10:26.000Z")
        _, listed = await call(ingress, "GET", PATH, headers=VIEWER)
        assert [one["until"] for one in listed["data"] if one["name"] == "bandwidth-1"] == [row["until"]]
        _, row = await call(ingress, "POST", f"{ONE}/{how}", REASON)
        assert row["until"] is None


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
        (f"{ONE}/pause", {**REASON, "until": "2020-01-17T13:10:26Z"}, OPERATOR, (422, "invalid_field")),
        (f"{ONE}/hold", {**REASON, "until": "tomorrow"}, OPERATOR, (400, "malformed")),
        (f"{ONE}/drain", {**REASON, "until": 7}, OPERATOR, (422, "invalid_field")),
        (f"{ONE}/hold", REASON, VIEWER, (403, "not_permitted")),
        (f"{ONE}/drain", {}, OPERATOR, (422, "missing_field")),
        (f"{PATH}/nobody/drain", REASON, OPERATOR, (404, "not_found")),
        (f"{ONE}/rate", {**REASON, "mps": 5}, VIEWER, (403, "not_permitted")),
        (f"{PATH}/nobody/rate", {**REASON, "mps": 5}, OPERATOR, (404, "not_found")),
        (f"{ONE}/rate", REASON, OPERATOR, (422, "missing_field")),
        (f"{ONE}/rate", {"mps": 5}, OPERATOR, (422, "missing_field")),
        (f"{ONE}/rate", {**REASON, "mps": 0}, OPERATOR, (422, "invalid_field")),
        (f"{ONE}/rate", {**REASON, "mps": -1}, OPERATOR, (422, "invalid_field")),
        (f"{ONE}/rate", {**REASON, "mps": 1e9}, OPERATOR, (422, "invalid_field")),
        (f"{ONE}/rate", {**REASON, "mps": "5"}, OPERATOR, (422, "invalid_field")),
        (f"{ONE}/rate", {**REASON, "sender_mps": True}, OPERATOR, (422, "invalid_field")),
        (f"{ONE}/rate", {**REASON, "mps": 5, "tps": 5}, OPERATOR, (422, "unknown_field")),
        (f"{ONE}/rate", [], OPERATOR, (400, "malformed")),
        (f"{ONE}/test", TRIAL, VIEWER, (403, "not_permitted")),
        (f"{PATH}/nobody/test", TRIAL, OPERATOR, (404, "not_found")),
        (f"{ONE}/test", {**TRIAL, "account": "nobody"}, OPERATOR, (404, "not_found")),
        (f"{ONE}/test", {**TRIAL, "to": "me"}, OPERATOR, (422, "invalid_recipient")),
        (f"{ONE}/test", {**TRIAL, "from": "+12025559999"}, OPERATOR, (422, "invalid_originator")),
        (f"{ONE}/test", {**TRIAL, "text": ""}, OPERATOR, (422, "missing_field")),
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
        assert rates(settings) == UNCHANGED
        with open_sync(settings.redis_url, settings) as client:
            assert client.zcard(keys.outbox(Queue.SUBMIT)) == 0


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
        await asyncio.to_thread(commands.pause, "bandwidth-1", "tests", until="2036-01-17T13:10:26Z", **login)
        told = "bandwidth-1 is paused until 2036-01-17T13:10:26.000Z; 0 messages wait for it\n"
        assert capsys.readouterr().out.endswith(told)
        await asyncio.to_thread(commands.resume, "bandwidth-1", "tests", **login)
        assert capsys.readouterr().out.endswith("bandwidth-1 is open; 0 messages wait for it\n")
        await asyncio.to_thread(commands.hold, "bandwidth-1", "tests", **login)
        assert capsys.readouterr().out.endswith("bandwidth-1 is on hold; 0 messages wait for it\n")
        await asyncio.to_thread(commands.drain, "bandwidth-1", "tests", **login)
        assert capsys.readouterr().out.endswith("bandwidth-1 is drained; 0 messages wait for it\n")


async def test_the_command_line_changes_a_rate_and_sends_a_test(
    running: Running, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    async with running(settings, WITH_PEOPLE) as ingress:
        login = {"url": ingress.url, "login": "oscar:acts too", "data": settings.data_dir}
        await asyncio.to_thread(commands.rate, "bandwidth-1", "tests", mps="5", sender_mps="0.5", **login)
        assert "bandwidth-1 carries 5.0 messages a second, 0.5 each sender" in capsys.readouterr().out
        await asyncio.to_thread(commands.rate, "bandwidth-1", "tests", mps="none", **login)
        assert rates(settings) == (None, 0.5)
        await asyncio.to_thread(
            commands.try_out, "bandwidth-1", account="acme", to="+12025550101", text="Test", **login
        )
        (name,) = capsys.readouterr().out.splitlines()[-1:]
        with open_sync(settings.redis_url, settings) as client:
            assert client.exists(keys.content(name))


@pytest.mark.parametrize(
    ("how", "state", "going"),
    [("hold", "on_hold", False), ("drain", "drained", True), ("pause", "paused", False)],
)
async def test_a_connection_is_stopped_in_the_way_that_is_asked_for(
    running: Running, settings: Settings, how: str, state: str, going: bool
) -> None:
    async with running(settings, WITH_PEOPLE) as ingress:
        status, row = await call(ingress, "POST", f"{ONE}/{how}", REASON)
        assert (status, row["state"], row["reason"]) == (200, state, REASON["reason"])
        assert row["since"] is not None
        assert ("bandwidth-1" in in_use(settings)) is going
        _, row = await call(ingress, "POST", f"{ONE}/resume", REASON)
        assert (row["state"], row["since"], row["reason"]) == ("open", None, "")


async def test_an_open_circuit_is_told_and_reset(
    running: Running, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    async with running(settings, WITH_PEOPLE) as ingress:
        failed = {"failures": OPENS_AFTER, "until": 2**50}
        with open_sync(settings.redis_url, settings) as client:
            client.hset(keys.breaker("bandwidth-1"), mapping=failed)
            _, listed = await call(ingress, "GET", PATH, headers=VIEWER)
            (row,) = [one for one in listed["data"] if one["name"] == "bandwidth-1"]
            assert (row["circuit"], row["failures"]) == ("open", OPENS_AFTER)
            for path, body, headers, expected in (
                (ONE, REASON, VIEWER, 403),
                (ONE, {}, OPERATOR, 422),
                (ONE, {**REASON, "until": "2036-01-17T13:10:26Z"}, OPERATOR, 422),
                (f"{PATH}/nobody", REASON, OPERATOR, 404),
            ):
                status, _ = await call(ingress, "POST", f"{path}/reset-circuit", body, headers=headers)
                assert status == expected
            assert client.exists(keys.breaker("bandwidth-1"))
            status, row = await call(ingress, "POST", f"{ONE}/reset-circuit", REASON)
            assert (status, row["circuit"], row["failures"]) == (200, "closed", 0)
            assert not client.exists(keys.breaker("bandwidth-1"))
            client.hset(keys.breaker("bandwidth-1"), mapping=failed)
            login = {"url": ingress.url, "login": "oscar:acts too", "data": settings.data_dir}
            await asyncio.to_thread(commands.list_connections, **login)
            assert '"circuit": "open", "failures": 5' in capsys.readouterr().out
            await asyncio.to_thread(commands.reset_circuit, "bandwidth-1", "tests", **login)
            assert not client.exists(keys.breaker("bandwidth-1"))


async def test_a_rate_is_changed_and_what_is_not_named_stays(running: Running, settings: Settings) -> None:
    async with running(settings, WITH_PEOPLE) as ingress:
        status, row = await call(ingress, "POST", f"{ONE}/rate", {**REASON, "mps": 20, "sender_mps": 0.5})
        assert (status, row["mps"], row["sender_mps"]) == (200, 20.0, 0.5)
        await call(ingress, "POST", f"{ONE}/rate", {**REASON, "sender_mps": None})
        assert rates(settings) == (20.0, None)


async def test_a_test_goes_through_the_usual_door_over_that_connection_and_once(
    running: Running, settings: Settings
) -> None:
    async with running(settings, WITH_PEOPLE) as ingress:
        again = {**OPERATOR, "Idempotency-Key": "once"}
        status, told = await call(ingress, "POST", f"{ONE}/test", TRIAL, headers=again)
        assert (status, told["status"]) == (202, "accepted")
        assert await call(ingress, "POST", f"{ONE}/test", TRIAL, headers=again) == (202, told)
        other = {**TRIAL, "text": "another"}
        assert (await call(ingress, "POST", f"{ONE}/test", other, headers=again))[0] == 409
        with open_sync(settings.redis_url, settings) as client:
            (one,) = client.zrange(keys.outbox(Queue.SUBMIT), 0, -1)
            assert one.decode() == told["id"]
            content = json.loads(client.get(keys.content(told["id"])))
        assert (content["account"], content["connection"], content["pinned"]) == ("acme", "bandwidth-1", True)
        async with ingress.client.get(ingress.url + "/metrics") as answer:
            assert 'broker_messages_accepted_total{direction="out",type="sms"} 1.0' in await answer.text()
