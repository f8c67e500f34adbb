"""What operators are shown through a real socket, and who is an operator."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest
from aiohttp import encode_basic_auth

from broker.domain.callback import CallbackState
from broker.domain.ids import new_id
from broker.domain.logbook import Entry, Kind, LogQuery
from broker.domain.message import Direction
from broker.domain.status import Event, Status
from broker.keyspace.client import open_sync
from broker.keyspace.figures import Figures
from broker.settings import Settings
from broker.storage import callbacks, folders, logbook, messages
from broker.storage.callbacks import Owing, Tried
from broker.storage.database import Database
from broker.storage.messages import Fresh
from tests.factories import NOW_MS, make_message
from tests.integration.ingress.conftest import DOCUMENT, KEY, PASSWORD, Ingress, Running

PEOPLE = [
    {"name": "eve", "password": "only looks", "role": "viewer"},
    {"name": "oscar", "password": "acts too", "role": "operator"},
    {"name": "ada", "password": "does it all", "role": "admin"},
]
WITH_PEOPLE: dict[str, Any] = {**DOCUMENT, "operators": PEOPLE}
VIEWER = {"Authorization": encode_basic_auth("eve", "only looks")}
OPERATOR = {"Authorization": encode_basic_auth("oscar", "acts too")}
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
    found, _ = database.read(lambda sql: logbook.page(sql, LogQuery(connection="bandwidth-1")))
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


COUNTERS = "/v1/connections/bandwidth-1/counters"


async def test_the_counters_of_a_connection_are_those_of_the_record(
    running: Running, settings: Settings
) -> None:
    async with running(settings, WITH_PEOPLE) as ingress:
        database = Database(settings.database)
        many = [
            make_message(
                connection=name,
                direction=direction,
                status=status,
                provider_ref="r" if taken else None,
                created_at=datetime.now(UTC),
            )
            for name in ("bandwidth-1", "bandwidth-2")
            for status, direction in WAYS.items()
            for taken in (True, False)
        ]
        database.write(lambda sql: messages.add(sql, [Fresh(message=one, event=None) for one in many]))
        deleted = [one.id for one in many if one.status in (Status.DELIVERED, Status.READY)]
        database.write(lambda sql: folders.delete(sql, deleted, at=datetime.now(UTC)))
        status, body = await ask(ingress, COUNTERS)
        held = database.read(
            lambda sql: dict(sql.exec_driver_sql(HELD.format(name="bandwidth-1")).all())  # type: ignore[arg-type]
        )
        database.close()

    assert status == 200
    assert (body["connection"], body["since"]) == ("bandwidth-1", None)
    # Two of each state, one of them taken by the carrier.
    assert body["counters"] == {
        "sent": 13,
        "accepted": 12,
        "forwarded": 2,
        "delivered": 4,
        "undelivered": 3,
        "failed": 5,
    }
    assert body["counters"]["accepted"] == held["in"]
    assert sum(body["folders"].values()) == held["in"] + held["out"] == 2 * len(WAYS)
    assert body["folders"]["deleted"] == 4


WAYS = {
    status: Direction.IN
    if status
    in {
        Status.RECEIVED,
        Status.FETCHING,
        Status.READY,
        Status.INCOMPLETE,
        Status.FORWARDED,
        Status.UNFORWARDED,
    }
    else Direction.OUT
    for status in Status
}
HELD = "SELECT direction, count(*) FROM messages WHERE connection = '{name}' GROUP BY direction"


async def test_counters_can_be_of_a_time(running: Running, settings: Settings) -> None:
    async with running(settings, WITH_PEOPLE) as ingress:
        database = Database(settings.database)
        old, new = (make_message(id=new_id(ms), connection="bandwidth-1") for ms in (NOW_MS, NOW_MS + 1000))
        many = [Fresh(message=one, event=Event.CLAIM) for one in (old, new)]
        database.write(lambda sql: messages.add(sql, many))
        database.close()
        _, all_ = await ask(ingress, COUNTERS)
        _, late = await ask(ingress, COUNTERS, since="2026-11-21T12:00:01Z")
    assert (all_["folders"]["outbox"], late["folders"]["outbox"]) == (2, 1)
    assert late["since"] == "2026-11-21T12:00:01.000Z"


@pytest.mark.parametrize(
    ("path", "query", "status", "code"),
    [
        ("/v1/connections/nobody/counters", {}, 404, "not_found"),
        (COUNTERS, {"since": "yesterday"}, 400, "malformed"),
        (COUNTERS, {"until": "x"}, 400, "malformed"),
    ],
)
async def test_counters_are_asked_for_strictly(
    running: Running, settings: Settings, path: str, query: dict[str, str], status: int, code: str
) -> None:
    async with running(settings, WITH_PEOPLE) as ingress:
        found, body = await ask(ingress, path, **query)
        assert (found, body["code"]) == (status, code)
        assert (await ask(ingress, path, {}))[0] == 401


def give_up(settings: Settings, count: int) -> list[str]:
    """Leave callbacks behind that were given up."""
    items = [
        Owing(
            message_id=new_id(),
            account="acme",
            status=Status.DELIVERED,
            at=datetime.now(UTC),
            url="https://shop.example/told?key=canary",
            due_at=0,
            ends_at=1,
        )
        for _ in range(count)
    ]
    ids = [callbacks.id_of(item.message_id, item.status) for item in items]
    ended = [
        Tried(id=one, state=CallbackState.GIVEN_UP, http_status=500, error="answered 500") for one in ids
    ]

    def job(sql: Any) -> None:
        callbacks.owe(sql, items)
        callbacks.settle(sql, ended)

    database = Database(settings.database)
    database.write(job)
    database.close()
    return ids


async def test_callbacks_that_were_given_up_are_listed_and_told_again(
    running: Running, settings: Settings
) -> None:
    async with running(settings, WITH_PEOPLE) as ingress:
        ids = give_up(settings, 5)
        found, cursor = [], ""
        while cursor is not None:
            query = {"cursor": cursor} if cursor else {}
            status, page = await ask(ingress, "/v1/callbacks", state="given_up", limit="2", **query)
            assert status == 200
            found += page["data"]
            cursor = page["next_cursor"]
        assert [one["id"] for one in found] == sorted(ids)
        assert (found[0]["url"], found[0]["error"]) == ("https://shop.example/told", "answered 500")
        assert (found[0]["account"], found[0]["state"]) == ("acme", "given_up")

        replay = f"{ingress.url}/v1/callbacks/replay"
        async with ingress.client.post(replay, headers=VIEWER) as answer:
            assert (answer.status, (await answer.json())["code"]) == (403, "not_permitted")
        async with ingress.client.post(replay, headers={"Authorization": f"Bearer {KEY}"}) as answer:
            assert answer.status == 401
        async with ingress.client.post(replay, headers=OPERATOR, params={"rate": "2"}) as answer:
            assert (answer.status, (await answer.json())["count"]) == (202, 5)
        assert await ask(ingress, "/v1/callbacks") == (200, {"data": [], "next_cursor": None})


@pytest.mark.parametrize(
    ("method", "path", "name", "value"),
    [
        ("GET", "/v1/callbacks", "state", "told"),
        ("GET", "/v1/callbacks", "state", "x"),
        ("GET", "/v1/callbacks", "cursor", "x"),
        ("GET", "/v1/callbacks", "until", "later"),
        ("GET", "/v1/callbacks", "rate", "1"),
        ("POST", "/v1/callbacks/replay", "rate", "0"),
        ("POST", "/v1/callbacks/replay", "rate", "1001"),
        ("POST", "/v1/callbacks/replay", "rate", "nan"),
        ("POST", "/v1/callbacks/replay", "rate", "fast"),
        ("POST", "/v1/callbacks/replay", "limit", "1"),
    ],
)
async def test_a_replay_that_cannot_be_understood_changes_nothing(
    running: Running, settings: Settings, method: str, path: str, name: str, value: str
) -> None:
    async with running(settings, WITH_PEOPLE) as ingress:
        give_up(settings, 1)
        url, params = ingress.url + path, {name: value}
        async with ingress.client.request(method, url, headers=OPERATOR, params=params) as answer:
            body = await answer.json()
            assert (answer.status, [error["pointer"] for error in body["errors"]]) == (400, [f"/{name}"])
        assert len((await ask(ingress, "/v1/callbacks"))[1]["data"]) == 1


async def test_how_callbacks_stand_is_a_metric(running: Running, settings: Settings) -> None:
    async with running(settings, WITH_PEOPLE) as ingress:
        with open_sync(settings.redis_url, settings) as client:
            figures = Figures(client)
            figures.count({"told": 7, "given_up": 2})
            figures.stand({"owed": 3, "held": 1, "kept": 2, "circuits_open": 4, "oldest_ms": 1})
        wanted = {
            'broker_callbacks_total{outcome="told"} 7.0',
            'broker_callbacks_total{outcome="given_up"} 2.0',
            'broker_callbacks_waiting{state="owed"} 3.0',
            'broker_callbacks_waiting{state="held"} 1.0',
            'broker_callbacks_waiting{state="given_up"} 2.0',
            "broker_callback_circuits_open 4.0",
        }
        async with asyncio.timeout(20):
            while True:
                page = await (await ingress.client.get(f"{ingress.url}/metrics")).text()
                if wanted <= set(page.splitlines()):
                    break
                await asyncio.sleep(0.1)
        age = next(line for line in page.splitlines() if line.startswith("broker_callbacks_oldest_seconds "))
        assert float(age.split()[1]) > 10**9
        assert "acme" not in page
