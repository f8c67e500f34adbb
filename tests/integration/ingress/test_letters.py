"""What operators may see and do about dead letters, through a real socket."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import update

from broker.domain.address import mask
from broker.domain.dead import DIED, LOST, Kind, Letter, Letters, Standing
from broker.domain.deed import DeedQuery
from broker.domain.ids import new_id
from broker.domain.optout import Change, Wish
from broker.domain.pseudonym import pair_key
from broker.domain.remedy import remedy
from broker.domain.status import Event
from broker.keyspace import content
from broker.settings import Settings
from broker.storage import audit, dead, messages, optouts
from broker.storage.database import Database
from broker.storage.dead import Parking
from broker.storage.dead_tables import dead_letters
from broker.storage.messages import Fresh, Move
from broker.storage.vault import Vault
from tests.conftest import SECRET_KEY
from tests.factories import NOW, make_message
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


async def stop(ingress: Ingress, path: str, headers: dict[str, str] = OPERATOR, **query: str) -> Any:
    async with ingress.client.delete(ingress.url + path, headers=headers, params=query) as answer:
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
                    "remedy": remedy(Kind.MESSAGE, DIED),
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
        status, done = await want(
            ingress, "put-back", rate="2", reason="the code is repaired for +12025550123"
        )
        assert (status, done["count"]) == (202, 3)
        _, page = await ask(ingress, LETTERS, standing="leaving")
        assert {row["id"] for row in page["data"]} == {one.id for one in made}
        assert {(row["settled_by"], row["reason"]) for row in page["data"]} == {
            ("oscar", f"the code is repaired for {mask('+12025550123')}")
        }
        now_ms = write(settings, lambda sql: dead.leaving(sql, 2**60))
        assert [one.wanted for one in now_ms] == [Standing.PUT_BACK]


async def test_a_job_is_followed_and_stopped(running: Running, settings: Settings) -> None:
    async with running(settings, WITH_PEOPLE) as ingress:
        made = parked(settings, 3)
        _, done = await want(ingress, "put-back", rate="2", reason="mended")
        path = f"{LETTERS}/jobs/{done['job']}"
        _, listed = await ask(ingress, f"{LETTERS}/jobs", VIEWER)
        _, job = await ask(ingress, path, VIEWER)
        assert listed["data"] == [job]
        said = {name: job[name] for name in ("wanted", "by", "reason", "count", "leaving", "gone", "parked")}
        assert said == {
            "wanted": "put_back", "by": "oscar", "reason": "mended", "count": 3, "leaving": 3, "gone": 0, "parked": 0,
        }  # fmt: skip
        assert job["until"] == done["until"]
        (gone,) = write(settings, lambda sql: dead.leaving(sql, 2**60))
        write(settings, lambda sql: dead.left(sql, [gone.letter.id], Standing.PUT_BACK))
        assert (await stop(ingress, path, VIEWER))[0] == 403
        status, job = await stop(ingress, path, reason="the wrong ones")
        assert (status, job["leaving"], job["gone"], job["parked"], job["until"]) == (200, 0, 1, 2, None)
        assert write(settings, lambda sql: dead.leaving(sql, 2**60)) == []
        assert (await stop(ingress, path))[1] == job, "once more changes nothing"
        assert (await ask(ingress, f"{LETTERS}/jobs", VIEWER))[1]["data"] == []
        found, _ = write(settings, lambda sql: dead.page(sql, Letters(), after=None, limit=9))
        assert {one.id for one in found} == {one.id for one in made} - {gone.letter.id}
        noted = write(settings, lambda sql: audit.page(sql, DeedQuery(action="dead-letters stay")))[0]
        assert {(one.subject, one.operator) for one in noted if one.reason} == {(done["job"], "oscar")}


async def test_an_erasure_leaves_a_job_to_who_wanted_it(running: Running, settings: Settings) -> None:
    async with running(settings, WITH_PEOPLE) as ingress:
        made = parked(settings, 3)
        _, done = await want(ingress, "put-back", rate="2", reason="mended")
        path = f"{LETTERS}/jobs/{done['job']}"
        at = datetime.now(UTC)
        write(settings, lambda sql: dead.erase(sql, [made[0].id], at=at, by="zoe", reason="they asked"))
        _, job = await ask(ingress, path, VIEWER)
        assert (job["by"], job["reason"], job["count"], job["leaving"]) == ("oscar", "mended", 2, 2)


async def test_a_job_that_is_not_there_is_not_found(running: Running, settings: Settings) -> None:
    async with running(settings, WITH_PEOPLE) as ingress:
        assert (await want(ingress, "put-back"))[1]["job"] is None, "nothing was meant"
        for name in (new_id(), "x", "%00"):
            assert (await ask(ingress, f"{LETTERS}/jobs/{name}"))[0] == 404
            assert (await stop(ingress, f"{LETTERS}/jobs/{name}"))[0] == 404
        assert (await ask(ingress, f"{LETTERS}/jobs", odd="1"))[0] == 400


async def test_a_dry_run_says_what_would_come_of_it_and_changes_nothing(
    running: Running, settings: Settings
) -> None:
    async with running(settings, WITH_PEOPLE) as ingress:
        vault = Vault(settings.secret_key.get_secret_value())
        now = datetime.now(UTC)
        fresh = {"created_at": now, "valid_until": now + timedelta(hours=1)}
        over = {"created_at": now - timedelta(days=2), "valid_until": now - timedelta(days=1)}
        good, late, stopped, sent, sealed = (
            make_message(id=new_id(), **times)
            for times in (fresh, over, {**fresh, "recipient": "+12025550166"}, fresh, over)
        )

        def job(sql: Any) -> None:
            messages.add(sql, [Fresh(message=one, event=None) for one in (good, late, stopped, sent)])
            moves = [
                Move(id=sent.id, event=event, at=now, key=event)
                for event in (Event.CLAIM, Event.RECEIPT, Event.DELIVER)
            ]
            messages.move(sql, moves)
            change = Change(
                wish=Wish.STOP, account="acme", sender=stopped.originator, recipient=stopped.recipient, at=now,
                who="recipient", reason="", text="STOP",
            )  # fmt: skip
            optouts.change(sql, pair_key(SECRET_KEY, change.sender, change.recipient), change)

        write(settings, job)
        for one in (good, late, stopped, sent):
            parked(settings, subject=one.id)
        body = vault.seal(content.encode(sealed).decode("latin-1"))
        foreign = Vault("the key of another day, long enough").seal("{}")
        for subject, kept in ((sealed.id, body), (new_id(), foreign)):
            (letter,) = parked(settings, subject=subject)
            write(settings, lambda sql, name=letter.id, kept=kept: sql.execute(
                update(dead_letters).where(dead_letters.c.id == name).values(content=kept)
            ))  # fmt: skip
        parked(settings, error=LOST)
        status, found = await want(ingress, "put-back", dry_run="true", kind="message")
        assert (status, found) == (200, {
            "count": 7, "looked_at": 7, "lost": 1, "expired": 2, "opted_out": 1, "done": 1, "left": 2,
        })  # fmt: skip
        assert write(settings, lambda sql: dead.leaving(sql, 2**60)) == []
        assert (await want(ingress, "put-back", dry_run="yes"))[0] == 400
        assert (await want(ingress, "discard", dry_run="true", reason="x"))[0] == 400


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
