"""The event log of a connection, as real takes leave it behind."""

import asyncio
import json
from base64 import b64encode
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from broker.dispatch import Queue
from broker.domain.ids import new_id
from broker.domain.logbook import Entry, Kind, LogQuery, Position
from broker.domain.status import Status
from broker.domain.value import replace
from broker.errors import NotFound
from broker.services import adoption, events, forgetting, media, submit
from broker.services.logbook import Logbook
from broker.services.sql import AsyncSql
from broker.storage import logbook, provision
from broker.storage.webhooks import Webhook, keep
from tests.acceptance.flows import pictures
from tests.factories import make_stored_part
from tests.integration.workers.carrier import SECRET, Carrier
from tests.integration.workers.conftest import World
from tests.integration.workers.test_events import arrive, delivered

TEXT = "canary-in-the-text Ünïcode"
SUBJECT = "canary-in-the-subject"
RECIPIENT, SENDER = "+12025550123", "+12025550150"
FORBIDDEN = (TEXT, "canary", SECRET, RECIPIENT, RECIPIENT[1:], SENDER, SENDER[1:], "Bearer ey")


def shown(world: World, name: str = "bandwidth-1", **query: Any) -> list[tuple[Position, Entry]]:
    """Return one page of the log."""
    found, _ = page(world, name, **query)
    return found


def page(
    world: World, name: str = "bandwidth-1", **query: Any
) -> tuple[list[tuple[Position, Entry]], Position | None]:
    """Return one page of the log, and after which position there is more."""
    wanted = {"oldest_first": True, "limit": 200, **query}

    async def ask() -> tuple[list[tuple[Position, Entry]], Position | None]:
        with ThreadPoolExecutor(1) as threads:
            providers = world.runtime.directory.look().providers
            sql = AsyncSql(world.runtime.database, threads)
            one = Logbook(sql, known=lambda: providers, keep_s=world.settings.log_keep_s)
            return await one.page(LogQuery(connection=name, **wanted))

    return asyncio.run(ask())


def flushed(world: World) -> World:
    """Wait for what is written by nobody's transaction."""

    async def wait() -> None:
        await asyncio.gather(*world.runtime.errands)

    world.runtime.loop.run(wait())
    return world


def kinds(found: list[tuple[Position, Entry]]) -> list[str]:
    return [entry.kind for _, entry in found]


def everything(found: list[tuple[Position, Entry]]) -> str:
    return "\n".join(repr(entry) for _, entry in found)


def with_token(world: World) -> None:
    """Have a token fetched, by a message that is not looked at."""
    world.admit()
    submit.take(world.runtime, Queue.SUBMIT)
    flushed(world)


def test_the_first_message_shows_token_and_create_in_their_order(world: World, carrier: Carrier) -> None:
    (one,) = world.admit(text=TEXT, recipient=RECIPIENT)
    submit.take(world.runtime, Queue.SUBMIT)

    found = shown(flushed(world))

    assert kinds(found) == ["http_request", "http_response"] * 2 + ["message_sent"]
    token, answer, create, taken, sent = (entry for _, entry in found)
    assert token.text.endswith("/api/v1/oauth2/token")
    assert (answer.text, json.loads(answer.body)["access_token"][:1]) == ("200", "(")
    body = json.loads(create.body)
    assert (create.direction, body["to"], body["from"]) == ("out", ["+1202***0123"], "+1202***0150")
    assert (body["text"], body["tag"]) == (f"({len(TEXT)} characters)", f"{one}.1")
    assert create.headers["authorization"] == "***"
    assert (taken.direction, taken.text, taken.message_id) == ("in", "202", one)
    assert sent.message_id == one
    assert all(word not in everything(found) for word in FORBIDDEN)


def test_a_plain_message_costs_no_row_and_is_told_all_the_same(world: World, carrier: Carrier) -> None:
    with_token(world)
    before = world.runtime.database.read(
        lambda sql: sql.execute(text("SELECT count(*) FROM logbook")).scalar()
    )
    (one,) = world.admit(text=TEXT, recipient=RECIPIENT)
    submit.take(world.runtime, Queue.SUBMIT)

    found = shown(flushed(world), message=one)

    after = world.runtime.database.read(
        lambda sql: sql.execute(text("SELECT count(*) FROM logbook")).scalar()
    )
    assert before == after
    assert kinds(found) == ["http_request", "http_response", "message_sent"]
    request, answer, _ = (entry for _, entry in found)
    assert request.text == f"POST {carrier.url}/api/v2/users/99***/messages"
    assert json.loads(request.body) == {
        "to": ["+1202***0123"],
        "from": "+1202***0150",
        "text": f"({len(TEXT)} characters)",
        "tag": f"{one}.1",
        "priority": "normal",
    }
    assert (answer.text, json.loads(answer.body)) == (
        "202",
        {"id": world.record(one).message.provider_ref},
    )
    assert all(word not in everything(found) for word in FORBIDDEN)


def test_uploads_come_before_the_create_call_that_names_them(
    world: World, carrier: Carrier, tmp_path: Path
) -> None:
    with_token(world)
    file = tmp_path / "a.jpg"
    file.write_bytes(pictures.jpeg())
    (one,) = world.admit(text=TEXT, subject=SUBJECT, parts=(make_stored_part(file),))
    submit.take(world.runtime, Queue.SUBMIT)
    media.take(world.runtime)
    submit.take(world.runtime, Queue.SUBMIT)
    assert world.status(one) is Status.SUBMITTED

    found = shown(world, message=one)

    assert kinds(found) == ["http_request", "http_response"] * 2 + ["message_sent"]
    upload, _, create, _, _ = (entry for _, entry in found)
    assert upload.text.startswith(f"PUT {carrier.url}/api/v2/users/")
    assert upload.headers["content-type"] == "image/jpeg"
    assert create.text == f"POST {carrier.url}/api/v2/users/99***/messages"
    assert all(word not in everything(found) for word in FORBIDDEN)


def test_an_answer_that_is_no_receipt_is_told_with_what_follows(world: World, carrier: Carrier) -> None:
    with_token(world)
    carrier.faults(next_statuses=[429])
    (one,) = world.admit(text=TEXT)
    submit.take(world.runtime, Queue.SUBMIT)

    found = shown(world, message=one)

    assert kinds(found) == ["http_request", "http_response", "retry"]
    assert [(entry.level, entry.text[:3]) for _, entry in found[1:]] == [("WARN", "429"), ("WARN", "att")]
    assert all(word not in everything(found) for word in FORBIDDEN)


def test_a_request_without_an_answer_is_told(world: World, carrier: Carrier) -> None:
    with_token(world)
    carrier.faults(accept_then_drop=1)
    (one,) = world.admit()
    submit.take(world.runtime, Queue.SUBMIT)

    found = shown(world, message=one)

    assert kinds(found) == ["http_request", "error", "error"]
    assert found[1][1].text.startswith("no answer: ")
    assert found[2][1].text.startswith("attempt 1: lose")


def test_a_group_is_told_once_whichever_member_is_asked_about(world: World, carrier: Carrier) -> None:
    with_token(world)
    ids = world.admit_group(3)
    submit.take(world.runtime, Queue.SUBMIT)

    for one in ids:
        found = shown(world, message=one)
        assert kinds(found) == ["http_request", "http_response", "message_sent"]
        assert len(json.loads(found[0][1].body)["to"]) == 3


def test_a_webhook_is_told_with_our_answer_and_what_it_meant(world: World, carrier: Carrier) -> None:
    with_token(world)
    (one,) = world.admit(text=TEXT, recipient=RECIPIENT)
    submit.take(world.runtime, Queue.SUBMIT)
    body = json.loads(delivered(one))
    body[0]["to"] = RECIPIENT
    body[0]["message"] |= {"to": [RECIPIENT], "text": TEXT, "novelty": f"{SUBJECT} {RECIPIENT}"}
    body[0]["description"] = f"Delivered to {RECIPIENT}: {TEXT}"
    arrive(world.settings, json.dumps(body).encode())
    events.take(world.runtime)

    found = shown(world, message=one)

    assert kinds(found)[3:] == ["http_request", "http_response", "report"]
    asked, answered, report = (entry for _, entry in found[3:])
    assert (asked.direction, asked.text) == ("in", "POST /webhooks/bandwidth-1")
    shown_body = json.loads(asked.body)[0]
    assert (shown_body["type"], shown_body["to"]) == ("message-delivered", "+1202***0123")
    assert shown_body["message"]["tag"] == f"{one}.1"
    assert shown_body["message"]["text"] == f"({len(TEXT)} characters)"
    assert shown_body["description"] == "Delivered to +1202***0123: ***"
    assert (answered.direction, answered.text) == ("out", "200")
    assert (report.text, report.message_id, report.level) == ("deliver", one, "INFO")
    assert all(word not in everything(found) for word in FORBIDDEN)


def test_a_report_that_overtook_its_message_is_found_by_the_message(world: World, carrier: Carrier) -> None:
    (one,) = world.admit()
    arrive(world.settings, delivered(one))
    events.take(world.runtime)
    assert [entry.level for _, entry in shown(world)] == ["INFO", "INFO", "WARN"]
    submit.take(world.runtime, Queue.SUBMIT)
    while world.status(one) is not Status.DELIVERED:
        adoption.retry_parked(world.runtime)

    found = shown(world, message=one)

    assert "report" in kinds(found)
    assert {entry.message_id for _, entry in found} == {one}


@pytest.mark.parametrize("body", [b"not JSON but +12025550123 canary", b'[1, "canary"]', b"{}", b"\xff\x00"])
def test_a_webhook_that_nobody_can_read_shows_nothing_of_it(
    world: World, carrier: Carrier, body: bytes
) -> None:
    arrive(world.settings, body)
    events.take(world.runtime)

    found = shown(world)

    assert kinds(found)[:2] == ["http_request", "http_response"]
    assert kinds(found)[2:] in (["error"], ["error", "error"])
    assert all(word not in everything(found) for word in FORBIDDEN)


def fill(world: World, ids: list[str]) -> None:
    """Leave entries of every source behind, many of them in the same millisecond."""
    moment = datetime.now(UTC).replace(microsecond=0)
    hooks = [
        Webhook(digest=f"{n:064x}", connection="bandwidth-1", at=moment, body=delivered(new_id()))
        for n in range(7)
    ]
    entries = [
        Entry(at=moment, connection="bandwidth-1", kind=Kind.HTTP_REQUEST, text=f"entry {n}")
        for n in range(9)
    ]

    def job(sql: Any) -> None:
        keep(sql, hooks)
        logbook.write(sql, entries)
        row = (moment.timestamp() * 1000,) * 2
        for number in range(8):
            message_id = ids[number]
            sql.exec_driver_sql(
                "UPDATE submissions SET exchange = NULL, started_at = ?, ended_at = ? WHERE message_id = ?",
                (*row, message_id),
            )

    world.runtime.database.write(job)


@pytest.mark.parametrize("oldest_first", [True, False])
@pytest.mark.parametrize("limit", [1, 3, 8])
def test_pages_together_are_the_whole_with_nothing_twice(
    world: World, carrier: Carrier, limit: int, oldest_first: bool
) -> None:
    ids = world.admit(8)
    submit.take(world.runtime, Queue.SUBMIT)
    flushed(world)
    fill(world, ids)
    whole = shown(world, oldest_first=oldest_first)
    assert len(whole) >= 9 + 7 * 3 + 8 * 3

    walked: list[tuple[Position, Entry]] = []
    more, after = True, None
    while more:
        found, more = page(world, limit=limit, after=after, oldest_first=oldest_first)
        assert len(found) == limit or not more
        walked += found
        after = found[-1][0]
        if len(walked) < 10:  # what happens meanwhile stands elsewhere
            late = Entry(at=datetime.now(UTC), connection="bandwidth-1", kind=Kind.ERROR, text="late")
            world.runtime.database.write(partial(logbook.write, entries=[late]))

    usual = [one for one in walked if one[1].text != "late"]
    assert usual == whole
    assert len({place for place, _ in walked}) == len(walked)
    times = [entry.at for _, entry in usual]
    assert times == sorted(times, reverse=not oldest_first)


def test_since_leaves_out_what_came_before(world: World, carrier: Carrier) -> None:
    with_token(world)
    at = max(entry.at for _, entry in shown(world)) + timedelta(milliseconds=1)
    assert shown(world, since=at) == []
    assert shown(world, since=at - timedelta(hours=1)) == shown(world)


def test_another_connections_log_is_its_own_and_an_unknown_one_is_not_found(
    world: World, carrier: Carrier
) -> None:
    with_token(world)
    other = {**carrier.connection(), "name": "bandwidth-2", "senders": []}
    key = world.settings.secret_key.get_secret_value()
    world.runtime.database.write(lambda sql: provision.apply(sql, {"connections": [other]}, secret_key=key))
    world.runtime.directory.forget()

    assert shown(world, "bandwidth-2") == []
    with pytest.raises(NotFound):
        shown(world, "nobody")


def test_what_is_older_than_the_time_is_not_shown_and_is_deleted_in_batches(
    world: World, carrier: Carrier
) -> None:
    with_token(world)
    young = shown(world)
    old = datetime.now(UTC) - timedelta(seconds=world.settings.log_keep_s + 60)
    entry = Entry(at=old, connection="gone", kind=Kind.ERROR, text="old")
    entries = [replace(entry, connection=name) for name in ("gone", "bandwidth-1") for _ in range(620)]
    hooks = [Webhook(digest=f"{n:064x}", connection="gone", at=old, body=b"[]") for n in range(620)]

    def job(sql: Any) -> None:
        logbook.write(sql, entries)
        keep(sql, hooks)

    world.runtime.database.write(job)
    assert shown(world) == young

    sizes: list[int] = []
    written = world.runtime.database.write

    class Watching:
        """Counts what each transaction deletes."""

        read = staticmethod(world.runtime.database.read)

        @staticmethod
        def write(job: Callable[..., int]) -> int:
            sizes.append(written(job))
            return sizes[-1]

    forgetting.forget(replace(world.runtime, database=Watching()))  # type: ignore[arg-type]

    def left(sql: Any) -> tuple[Any, ...]:
        return tuple(
            sql.execute(text(f"SELECT count(*) FROM {table} WHERE connection = 'gone'")).scalar()
            for table in ("logbook", "webhooks")
        )

    assert world.runtime.database.read(left) == (0, 0)
    assert sum(sizes) == 620 * 3
    assert max(sizes) <= 2 * forgetting.MOST
    assert shown(world) == young


def test_a_picture_that_arrives_shows_its_fetch_and_its_file(world: World, carrier: Carrier) -> None:
    with_token(world)
    account = {
        "name": "acme",
        "api_keys": ["a"],
        "senders": [SENDER],
        "inbound_numbers": [SENDER],
    }
    key = world.settings.secret_key.get_secret_value()
    world.runtime.database.write(lambda sql: provision.apply(sql, {"accounts": [account]}, secret_key=key))
    world.runtime.directory.forget()
    part = {"name": "a.jpg", "content_type": "image/jpeg", "data": b64encode(pictures.jpeg()).decode()}
    carrier.inbound({"id": "arrival-1", "from": RECIPIENT, "to": SENDER, "text": TEXT, "media": [part]})
    link = f"{carrier.url}/api/v2/users/9900000/media/arrival-1/0/a.jpg"
    event = json.loads(delivered(new_id()))[0]
    event |= {"type": "message-received", "to": SENDER}
    event["message"] |= {
        "id": "arrival-1",
        "direction": "in",
        "to": [SENDER],
        "from": RECIPIENT,
        "text": TEXT,
        "media": [link],
        "tag": "",
    }
    arrive(world.settings, json.dumps([event]).encode())
    events.take(world.runtime)
    media.take(world.runtime)
    (row,) = world.runtime.database.read(
        lambda sql: sql.execute(text("SELECT id, status, tags FROM messages WHERE direction = 'in'")).all()
    )
    assert row.status == "ready"

    found = shown(world, message=row.id)

    assert kinds(found) == ["http_request", "http_response", "message_received", "media_fetch", "media_saved"]
    asked, _, received, fetch, saved = (entry for _, entry in found)
    assert json.loads(asked.body)[0]["message"]["from"] == "+1202***0123"
    assert received.text == f"message of {len(TEXT)} characters, 1 parts"
    assert fetch.text.startswith(f"GET {carrier.url}/api/v2/users/99***/media/arrival-1/0/")
    (tag,) = saved.tags
    assert (tag.name, Path(tag.value).read_bytes()) == ("attachment", pictures.jpeg())
    assert "image/jpeg" in saved.text
    assert all(word not in everything(found) for word in FORBIDDEN)
