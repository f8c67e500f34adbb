"""Opt-outs over a real socket: who sees them, who changes them, and what the door says to whom."""

import asyncio
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from broker.cli import optouts as commands
from broker.domain.optout import Change, Wish
from broker.domain.pseudonym import pair_key
from broker.services.stops import EVERY_S
from broker.settings import Settings
from broker.storage import optouts
from broker.storage.database import Database
from tests.conftest import SECRET_KEY
from tests.integration.ingress.conftest import DOCUMENT, OTHER_KEY, PASSWORD, Ingress, Running
from tests.integration.ingress.test_operations import OPERATOR, VIEWER, WITH_PEOPLE
from tests.prepared import prepare

SENDER, RECIPIENT = "+12025550150", "+12025550101"
PATH = "/v1/operators/opt-outs"
BODY = {"sender": SENDER, "recipient": RECIPIENT, "reason": "asked on the phone, +12025550177"}


@pytest.fixture
def database(settings: Settings) -> Iterator[Database]:
    """The database of the ingress."""
    one = Database(settings.database)
    yield one
    one.close()


def note(
    database: Database, wish: Wish = Wish.STOP, *, recipient: str = RECIPIENT, sender: str = SENDER
) -> None:
    """Take note of a wish, as a worker does."""
    change = Change(
        wish=wish,
        account="acme",
        sender=sender,
        recipient=recipient,
        at=datetime.now(UTC),
        who="recipient",
        message_id="019a9f2e-7c00-7a3b-9d51-2f6f0c0a8e11",
        text="Stop!",
    )
    database.write(lambda sql: optouts.change(sql, pair_key(SECRET_KEY, sender, recipient), change))


async def post(
    ingress: Ingress, body: Any = None, *, path: str = PATH, headers: dict[str, str] = OPERATOR
) -> Any:
    answer = await ingress.client.post(
        ingress.url + path, json=BODY if body is None else body, headers=headers
    )
    return answer.status, await answer.json()


async def get(ingress: Ingress, path: str = PATH, headers: dict[str, str] = VIEWER, **query: str) -> Any:
    answer = await ingress.client.get(ingress.url + path, params=query, headers=headers)
    return answer.status, await answer.json()


async def until_refused(ingress: Ingress, body: Any = None, *, status: int = 422) -> Any:
    """Send until the door's memory knows, and return what it says then."""
    for _ in range(100):
        answer = await ingress.send(body)
        if answer.status == status:
            return await answer.json()
        await asyncio.sleep(EVERY_S / 10)
    raise AssertionError("the door never heard of it")


async def test_an_account_sees_its_own_with_their_proof_and_no_others(
    running: Running, settings: Settings, database: Database
) -> None:
    async with running() as ingress:
        note(database)
        page = await (await ingress.get("/v1/opt-outs")).json()
        (one,) = page["data"]
        assert one == {
            "id": "1",
            "account": "acme",
            "sender": SENDER,
            "recipient": RECIPIENT,
            "at": one["at"],
            "who": "recipient",
            "reason": "",
            "message_id": "019a9f2e-7c00-7a3b-9d51-2f6f0c0a8e11",
            "text": "Stop!",
        }
        assert page["next_cursor"] is None
        assert (await (await ingress.get("/v1/opt-outs", key=OTHER_KEY)).json())["data"] == []
        assert (await ingress.get("/v1/opt-outs?account=globex")).status == 400
        assert (await ingress.client.get(f"{ingress.url}/v1/opt-outs")).status == 401


async def test_a_list_is_paged_and_filtered(running: Running, database: Database) -> None:
    async with running() as ingress:
        for n in range(5):
            note(database, recipient=f"+1202555010{n}")
        seen, cursor = [], ""
        while cursor is not None:
            page = await (await ingress.get(f"/v1/opt-outs?limit=2&cursor={cursor}")).json()
            seen += [row["recipient"][-1] for row in page["data"]]
            cursor = page["next_cursor"]
        assert seen == list("01234")
        page = await (await ingress.get("/v1/opt-outs?recipient=%2B12025550103&sender=+12025550150")).json()
        assert [row["recipient"] for row in page["data"]] == ["+12025550103"]
        assert (await ingress.get("/v1/opt-outs?cursor=x")).status == 400


async def test_a_send_to_who_has_opted_out_is_refused_at_the_door_with_its_place(
    running: Running, database: Database
) -> None:
    async with running() as ingress:
        note(database)
        body = await until_refused(ingress)
        assert body["code"] == "opted_out"
        assert body["errors"] == [{"pointer": "/to", "code": "opted_out", "message": "opted out"}]
        several = await until_refused(ingress, {"to": ["+12025550102", RECIPIENT]})
        assert [error["pointer"] for error in several["errors"]] == ["/to/1"]
        assert (await ingress.send({"from": "+12025550151"})).status == 202
        note(database, Wish.START)
        await until_refused(ingress, status=202)


async def test_a_request_that_was_taken_before_a_stop_is_answered_as_it_was(
    running: Running, database: Database
) -> None:
    async with running() as ingress:
        first = await ingress.send(Idempotency_Key="order-1")
        note(database)
        await until_refused(ingress)
        again = await ingress.send(Idempotency_Key="order-1")
        other = await ingress.send(Idempotency_Key="order-2")
        assert (again.status, other.status) == (202, 422)
        assert (await again.json())["id"] == (await first.json())["id"]


async def test_ozeki_and_mx_telecom_say_it_in_their_own_words(running: Running, database: Database) -> None:
    async with running() as ingress:
        note(database)
        await until_refused(ingress)
        query = {"username": "acme", "password": PASSWORD, "recipient": RECIPIENT, "messagedata": "Hello"}
        ozeki = await ingress.client.get(
            f"{ingress.url}/api", params={**query, "action": "sendmessage", "messagetype": "SMS:TEXT"}
        )
        assert f"Recipient has opted out: {RECIPIENT}" in await ozeki.text()
        assert ">102<" in (await ozeki.text()).replace(" ", "")
        form = {
            "user": "acme",
            "pass": PASSWORD,
            "smsto": RECIPIENT[1:],
            "smsfrom": SENDER[1:],
            "smsmsg": "Hello",
        }
        mx = await (await ingress.client.post(f"{ingress.url}/SMSSend", data=form)).text()
        assert mx.splitlines() == ["Invalid parameter: smsto: opted out", "5"]


async def test_an_account_that_sees_to_it_itself_is_not_refused(running: Running, database: Database) -> None:
    own = {**DOCUMENT["accounts"][0], "opt_outs": "customer"}  # type: ignore[dict-item]
    async with running(document={**DOCUMENT, "accounts": [own]}) as ingress:
        note(database)
        await asyncio.sleep(2 * EVERY_S)
        assert (await ingress.send()).status == 202


async def test_operators_add_and_remove_with_a_reason_that_is_kept(
    running: Running, settings: Settings
) -> None:
    async with running(settings, WITH_PEOPLE) as ingress:
        assert await post(ingress) == (200, {"changed": True})
        assert await post(ingress) == (200, {"changed": False})
        body = await until_refused(ingress)
        assert body["code"] == "opted_out"
        _, page = await get(ingress, account="acme")
        assert [(row["who"], row["reason"]) for row in page["data"]] == [
            ("oscar", "asked on the phone, +1202***0177")
        ]
        gone = {**BODY, "reason": "asked again"}
        assert await post(ingress, gone, path=f"{PATH}/remove") == (200, {"changed": True})
        assert (await post(ingress, gone, path=f"{PATH}/remove"))[0] == 404
        _, log = await get(ingress, f"{PATH}/changes")
        assert [(row["wish"], row["who"], row["reason"]) for row in log["data"]] == [
            ("stop", "oscar", "asked on the phone, +1202***0177"),
            ("start", "oscar", "asked again"),
        ]


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"reason": ""}, "/reason"),
        ({"reason": 7}, "/reason"),
        ({"reason": "x" * 300}, "/reason"),
        ({"recipient": "nobody"}, "/recipient"),
        ({"sender": "+12025550199"}, "/sender"),
        ({"account": "globex"}, "/account"),
        ({"colour": "red"}, "/colour"),
    ],
)
async def test_a_change_that_cannot_be_made_is_refused_by_name(
    running: Running, settings: Settings, changes: dict[str, Any], pointer: str
) -> None:
    async with running(settings, WITH_PEOPLE) as ingress:
        status, body = await post(ingress, {**BODY, **changes})
        assert (status, [error["pointer"] for error in body["errors"]]) == (422, [pointer])
        assert (await get(ingress))[1]["data"] == []


async def test_only_operators_change_and_only_people_of_ours_look(
    running: Running, settings: Settings
) -> None:
    async with running(settings, WITH_PEOPLE) as ingress:
        assert (await post(ingress, headers=VIEWER))[0] == 403
        assert (await post(ingress, headers={}))[0] == 401
        assert (await get(ingress, headers={}))[0] == 401
        for body in (b"", b"[]", b"{", b'"x"'):
            answer = await ingress.client.post(ingress.url + PATH, data=body, headers=OPERATOR)
            assert answer.status == 400


async def test_the_command_line_does_the_same(
    running: Running, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    async with running(settings, WITH_PEOPLE) as ingress:
        login = {"url": ingress.url, "login": "oscar:acts too"}
        await asyncio.to_thread(commands.add, SENDER, RECIPIENT, "=1+1", **login)
        await asyncio.to_thread(commands.list_opt_outs, json=True, **login)
        await asyncio.to_thread(commands.export, **login)
        await asyncio.to_thread(commands.remove, SENDER, RECIPIENT, "asked again", **login)
        await asyncio.to_thread(commands.list_opt_outs, changes=True, json=True, **login)
    said = [line for line in capsys.readouterr().out.splitlines() if "[info" not in line]
    added, listed, head, row, removed, *changes = said
    assert (added, removed) == ("nothing more is sent", "messages may be sent again")
    assert json.loads(listed)["recipient"] == RECIPIENT
    assert head.startswith("at,account,sender,recipient,who,reason")
    assert f"acme,{SENDER},{RECIPIENT},oscar,'=1+1," in row
    assert [json.loads(line)["wish"] for line in changes] == ["stop", "start"]


async def test_what_a_new_process_learns_first_are_those_in_force(
    running: Running, settings: Settings, database: Database
) -> None:
    prepare(settings, DOCUMENT)
    for n in range(3):
        note(database, recipient=f"+1202555010{n}")
    note(database, Wish.START, recipient="+12025550102")
    from broker.ingress.serving import serving

    async with serving(settings) as port:
        from aiohttp import ClientSession

        async with ClientSession() as client:
            ingress = Ingress(url=f"http://127.0.0.1:{port}", client=client)
            await until_refused(ingress)
            assert (await ingress.send({"to": "+12025550102"})).status == 202
