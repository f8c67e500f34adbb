"""What operators may see and do about dead letters, through a real socket."""

from typing import Any

import pytest

from broker.domain.dead import DIED, Kind, Letter, Letters, Standing
from broker.domain.ids import new_id
from broker.settings import Settings
from broker.storage import dead
from broker.storage.database import Database
from broker.storage.dead import Parking
from tests.factories import NOW
from tests.integration.ingress.conftest import KEY, Ingress, Running
from tests.integration.ingress.test_operations import OPERATOR, VIEWER, WITH_PEOPLE, ask

LETTERS = "/v1/dead-letters"


def parked(settings: Settings, count: int = 1, **changes: Any) -> list[Letter]:
    usual = {
        "kind": Kind.MESSAGE,
        "account": "acme",
        "connection": None,
        "at": NOW,
        "tries": 3,
        "error": DIED,
    }
    made = [Letter(id=new_id(n), **{"subject": new_id(), **usual, **changes}) for n in range(1, count + 1)]
    write(settings, lambda sql: dead.park(sql, [Parking(letter=one, content="sealed") for one in made]))
    return made


def write(settings: Settings, job: Any) -> Any:
    database = Database(settings.database)
    try:
        return database.write(job)
    finally:
        database.close()


async def want(ingress: Ingress, what: str, headers: dict[str, str] = OPERATOR, **query: str) -> Any:
    async with ingress.client.post(f"{ingress.url}{LETTERS}/{what}", headers=headers, params=query) as answer:
        return answer.status, await answer.json()


async def test_letters_are_listed_without_their_content(running: Running, settings: Settings) -> None:
    async with running(settings, WITH_PEOPLE) as ingress:
        (one,) = parked(settings, where=("storage/messages.py:1 add",))
        status, page = await ask(ingress, LETTERS)
        assert status == 200
        assert page == {
            "data": [
                {
                    "id": one.id,
                    "kind": "message",
                    "subject": one.subject,
                    "account": "acme",
                    "connection": None,
                    "at": "2026-11-21T12:00:00.000Z",
                    "tries": 3,
                    "error": "worker died",
                    "where": ["storage/messages.py:1 add"],
                    "standing": "parked",
                    "settled_at": None,
                    "settled_by": None,
                    "reason": "",
                }
            ],
            "next_cursor": None,
        }


async def test_letters_are_paged_and_chosen(running: Running, settings: Settings) -> None:
    async with running(settings, WITH_PEOPLE) as ingress:
        made = parked(settings, 5)
        (hook,) = parked(settings, kind=Kind.WEBHOOK, account=None, subject="digest")
        found, cursor = [], ""
        while cursor is not None:
            query = {"cursor": cursor} if cursor else {}
            _, page = await ask(ingress, LETTERS, kind="message", limit="2", **query)
            found += [row["id"] for row in page["data"]]
            cursor = page["next_cursor"]
        assert found == [one.id for one in made]
        (other,) = parked(settings, error="KeyError", connection="bandwidth-1")
        for query in ({"error": "KeyError"}, {"connection": "bandwidth-1"}):
            _, page = await ask(ingress, LETTERS, **query)
            assert [row["subject"] for row in page["data"]] == [other.subject]
        for query in ({"id": hook.id}, {"id": "digest"}, {"kind": "webhook"}):
            _, page = await ask(ingress, LETTERS, **query)
            assert [row["subject"] for row in page["data"]] == ["digest"]
        for query in ({"account": "other"}, {"standing": "discarded"}, {"until": "2026-11-21T11:00:00Z"}):
            _, page = await ask(ingress, LETTERS, **query)
            assert page["data"] == []


async def test_an_operator_puts_letters_back_and_is_remembered(running: Running, settings: Settings) -> None:
    async with running(settings, WITH_PEOPLE) as ingress:
        made = parked(settings, 3)
        status, done = await want(ingress, "put-back", rate="2", reason="the code is repaired")
        assert (status, done["count"]) == (202, 3)
        _, page = await ask(ingress, LETTERS, standing="leaving")
        assert {row["id"] for row in page["data"]} == {one.id for one in made}
        assert {(row["settled_by"], row["reason"]) for row in page["data"]} == {
            ("oscar", "the code is repaired")
        }
        now_ms = write(settings, lambda sql: dead.leaving(sql, 2**60))
        assert [one.wanted for one in now_ms] == [Standing.PUT_BACK]


async def test_an_operator_discards_letters_with_a_reason_only(running: Running, settings: Settings) -> None:
    async with running(settings, WITH_PEOPLE) as ingress:
        one, other = parked(settings, 2)
        for query in ({}, {"reason": "  "}):
            status, problem = await want(ingress, "discard", id=one.id, **query)
            assert status == 400
            assert "reason" in str(problem)
        status, done = await want(ingress, "discard", id=one.id, reason="a test")
        assert (status, done["count"]) == (202, 1)
        _, page = await ask(ingress, LETTERS)
        assert [row["id"] for row in page["data"]] == [other.id]
        (leaving,) = write(settings, lambda sql: dead.leaving(sql, 2**60))
        assert (leaving.wanted, leaving.letter.reason) == (Standing.DISCARDED, "a test")


async def test_who_may_only_look_changes_nothing(running: Running, settings: Settings) -> None:
    async with running(settings, WITH_PEOPLE) as ingress:
        parked(settings)
        for what in ("put-back", "discard"):
            status, _ = await want(ingress, what, VIEWER, reason="x")
            assert status == 403
        status, _ = await ask(ingress, LETTERS, {"Authorization": f"Bearer {KEY}"})
        assert status == 401
        found, _ = write(settings, lambda sql: dead.page(sql, Letters(), after=None, limit=9))
        assert [one.standing for one in found] == [Standing.PARKED]


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("", {"standing": "nowhere"}),
        ("", {"kind": "parcel"}),
        ("", {"cursor": "x"}),
        ("", {"limit": "0"}),
        ("", {"rate": "1"}),
        ("", {"since": "yesterday"}),
        ("/put-back", {"rate": "0"}),
        ("/put-back", {"rate": "nan"}),
        ("/put-back", {"rate": "100000"}),
        ("/put-back", {"standing": "parked"}),
        ("/discard", {"reason": "x\u0000"}),
    ],
)
async def test_what_cannot_be_meant_is_refused(
    running: Running, settings: Settings, path: str, query: dict[str, str]
) -> None:
    async with running(settings, WITH_PEOPLE) as ingress:
        method = "POST" if path else "GET"
        async with ingress.client.request(
            method, ingress.url + LETTERS + path, headers=OPERATOR, params=query
        ) as answer:
            assert answer.status == 400
