"""Work that breaks its takes is set aside after three tries, and its neighbours go on."""

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import pytest
from sqlalchemy.exc import OperationalError

from broker.dispatch import Queue
from broker.domain.account import Account
from broker.domain.dead import DIED, Kind, Letter, Letters, Standing, Trace
from broker.domain.message import Part
from broker.domain.status import Status
from broker.keyspace import content, keys
from broker.keyspace.client import open_async
from broker.keyspace.content import Webhook
from broker.keyspace.unrecorded import Unrecorded
from broker.services import dead as services
from broker.services import events, park, submit, sweep
from broker.services.lookup import Lookup
from broker.storage import dead, webhooks
from tests.factories import NOW
from tests.integration.workers.carrier import Carrier
from tests.integration.workers.conftest import World

T = TypeVar("T")
TOO_LARGE = Part(index=1, size=2**64 - 1, content_type="image/gif")
"""A part that no transaction can hold."""


def until(question: Callable[[], T]) -> T:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        if answer := question():
            return answer
        time.sleep(0.01)
    raise AssertionError("waited in vain")


def letters(world: World, standing: Standing = Standing.PARKED, **which: Any) -> list[Letter]:
    wanted = Letters(standing=standing, **which)
    found, _ = world.runtime.database.read(lambda sql: dead.page(sql, wanted, after=None, limit=200))
    return found


def take(world: World) -> list[str]:
    """Take as workers do, and return the types of the errors that this raised."""
    world.runtime.schedule.put_back(Queue.SUBMIT)
    try:
        submit.take(world.runtime, Queue.SUBMIT)
    except (ValueError, OverflowError, OperationalError) as error:
        return [type(error).__name__]
    return []


def settle(world: World, wanted: Standing, *, rate: float = 1000.0, **which: Any) -> int:
    now_ms = world.runtime.ready.now_ms()
    return world.runtime.database.write(
        lambda sql: dead.settle(
            sql,
            Letters(**which),
            wanted=wanted,
            now_ms=now_ms,
            apart_ms=1000 / rate,
            at=NOW,
            by="oscar",
            reason="it was asked for",
        )
    )


def poisoned(world: World, **changes: Any) -> str:
    """Admit a message that breaks the transaction that would record it, and take it until it is set aside."""
    (one,) = world.admit(parts=(TOO_LARGE,), **changes)
    until(lambda: take(world) and letters(world))
    return one


def test_a_message_that_breaks_its_transaction_is_set_aside_after_three_tries_with_its_trace(
    world: World, carrier: Carrier
) -> None:
    (bad,) = world.admit(parts=(TOO_LARGE,), text="a secret text", recipient="+12025550123")
    errors: list[str] = []
    until(lambda: errors.extend(take(world)) or letters(world))
    (letter,) = letters(world)
    assert errors == ["OverflowError"] * 3
    assert (letter.kind, letter.subject, letter.account, letter.tries) == (Kind.MESSAGE, bad, "acme", 3)
    assert letter.error == "OverflowError"
    assert any("storage/messages.py" in place for place in letter.where)
    assert "secret" not in repr(letter)
    assert "2025550123" not in repr(letter)
    assert world.redis.keys("msg:*") == []
    assert world.redis.zcard(keys.outbox(Queue.SUBMIT)) == 0
    assert world.redis.hgetall(keys.taken(Queue.SUBMIT)) == {}
    assert world.redis.hgetall(keys.suspects(Queue.SUBMIT)) == {}
    assert take(world) == [], "it is not taken any more"


def test_the_neighbours_of_a_poisonous_message_go_on(world: World, carrier: Carrier) -> None:
    good = world.admit(3)
    (bad,) = world.admit(parts=(TOO_LARGE,))
    good += world.admit(3)
    until(lambda: take(world) and letters(world))
    assert {world.status(one) for one in good} == {Status.SUBMITTED}
    assert sorted(carrier.tags()) == sorted(f"{one}.1" for one in good)
    assert [one.subject for one in letters(world)] == [bad]


def test_a_message_that_is_set_aside_is_found_by_its_id_and_says_so(world: World) -> None:
    bad = poisoned(world, reference="order-7")
    record = world.record(bad)
    assert record.message.status is Status.ACCEPTED
    assert record.message.recipient
    assert [(event.type, event.status) for event in record.events] == [("admit", "accepted"), ("park", None)]
    assert record.events[1].detail == "set aside after 3 tries"


def test_what_is_set_aside_is_kept_sealed(world: World) -> None:
    bad = poisoned(world, text="a secret text")
    settle(world, Standing.PUT_BACK)
    (leaving,) = world.runtime.database.write(lambda sql: dead.leaving(sql, 2**60))
    assert leaving.content is not None
    assert "secret" not in leaving.content
    opened = content.decode(world.runtime.vault.open(leaving.content))
    assert (opened.id, opened.text, opened.parts) == (bad, "a secret text", (TOO_LARGE,))


def test_a_message_that_is_set_aside_ends_with_its_validity(open_world: Callable[..., World]) -> None:
    world = open_world()
    soon = datetime.now(UTC) + timedelta(seconds=1.5)
    bad = poisoned(world, valid_until=soon)

    def ended() -> bool:
        sweep.sweep(world.runtime)
        return world.status(bad) is Status.EXPIRED

    until(ended)


def test_a_message_that_not_even_bare_can_be_recorded_is_set_aside_all_the_same(world: World) -> None:
    (bad,) = world.admit(number=2**64 - 1)
    until(lambda: take(world) and letters(world))
    (letter,) = letters(world)
    assert (letter.subject, letter.account) == (bad, "acme")
    found = look_up(world, bad)
    assert found.message.status is Status.ACCEPTED
    assert [event.type for event in found.events] == ["admit", "park"]
    settle(world, Standing.DISCARDED, id=bad)
    services.leave(world.runtime)
    found = look_up(world, bad)
    assert found.message.status is Status.REJECTED
    assert found.events[-1].detail == "it was asked for"


def look_up(world: World, message_id: str) -> Any:
    async def ask() -> Any:
        client = open_async(world.settings.redis_url, world.settings)
        with ThreadPoolExecutor(1) as threads:
            lookup = Lookup(world.runtime.database, Unrecorded(client), threads)
            found = await lookup.one(message_id, Account(name="acme", senders=()))
        await client.aclose()
        return found

    return asyncio.run(ask())


def test_content_that_cannot_be_read_is_set_aside(world: World) -> None:
    (bad,) = world.admit()
    (good,) = world.admit()
    world.redis.set(keys.content(bad), '{"account":"acme","id":1')
    until(lambda: take(world) and letters(world))
    assert [(one.subject, one.error) for one in letters(world)] == [(bad, "ValueError from ValidationError")]
    assert world.status(good) is Status.SUBMITTED
    assert look_up(world, bad).message.status is Status.ACCEPTED


def test_what_is_put_back_goes_out_with_all_that_it_came_with(world: World, carrier: Carrier) -> None:
    (one,) = world.admit(text="what was written", reference="order-7")
    world.runtime.ready.pop(Queue.SUBMIT, 1)
    park.message(world.runtime, Queue.SUBMIT, one, Trace(error=DIED))
    assert world.record(one).message.text == ""
    assert settle(world, Standing.PUT_BACK) == 1
    services.leave(world.runtime)
    assert take(world) == []
    record = world.record(one)
    assert record.message.status is Status.SUBMITTED
    assert (record.message.text, record.message.reference) == ("what was written", "order-7")
    assert carrier.tags() == [f"{one}.1"]
    (letter,) = letters(world, Standing.PUT_BACK)
    assert (letter.settled_by, letter.reason) == ("oscar", "it was asked for")


def test_what_is_put_back_too_early_is_set_aside_again(world: World) -> None:
    bad = poisoned(world)
    settle(world, Standing.PUT_BACK)
    with pytest.raises(OverflowError):
        services.leave(world.runtime)
    services.leave(world.runtime)  # it is not tried for ever
    (letter,) = letters(world)
    assert letter.subject == bad


def test_letters_are_put_back_at_a_rate(world: World) -> None:
    ids = world.admit(3)
    world.runtime.ready.pop(Queue.SUBMIT, 3)
    for one in ids:
        park.message(world.runtime, Queue.SUBMIT, one, Trace(error=DIED))
    assert settle(world, Standing.PUT_BACK, rate=0.001) == 3
    services.leave(world.runtime)
    assert len(letters(world, Standing.PUT_BACK)) == 1
    assert len(letters(world, Standing.LEAVING)) == 2


def test_what_is_discarded_is_rejected_with_the_reason(world: World) -> None:
    bad = poisoned(world)
    assert settle(world, Standing.DISCARDED) == 1
    services.leave(world.runtime)
    record = world.record(bad)
    assert record.message.status is Status.REJECTED
    assert record.events[-1].detail == "it was asked for"
    (letter,) = letters(world, Standing.DISCARDED)
    assert (letter.settled_by, letter.reason) == ("oscar", "it was asked for")
    assert settle(world, Standing.PUT_BACK) == 0, "it is over"


def test_a_group_is_set_aside_and_put_back_as_one(world: World, carrier: Carrier) -> None:
    ids = world.admit_group(3)
    world.runtime.ready.pop(Queue.SUBMIT, 3)
    park.message(world.runtime, Queue.SUBMIT, ids[0], Trace(error=DIED))
    assert {one.subject for one in letters(world)} == set(ids)
    assert settle(world, Standing.PUT_BACK, id=ids[1]) == 3
    services.leave(world.runtime)
    take(world)
    assert {world.status(one) for one in ids} == {Status.SUBMITTED}
    assert len(carrier.tags()) == 1


def test_an_outage_of_sql_is_no_messages_fault(world: World, carrier: Carrier) -> None:
    (one,) = world.admit()
    world.redis.hset(keys.taken(Queue.SUBMIT), one, 2)  # it was in many unlucky takes
    other = sqlite3.connect(world.settings.data_dir / "broker.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")  # for longer than anybody waits
    assert take(world) == ["OperationalError"]
    other.close()
    assert world.redis.hgetall(keys.suspects(Queue.SUBMIT)) == {}
    until(lambda: take(world) or carrier.tags())
    assert letters(world) == []


def test_a_take_that_sql_broke_counts_against_none_of_its_messages(world: World, carrier: Carrier) -> None:
    ids = world.admit(2)
    other = sqlite3.connect(world.settings.data_dir / "broker.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    assert take(world) == ["OperationalError"]
    other.close()
    assert world.redis.hgetall(keys.taken(Queue.SUBMIT)) == dict.fromkeys(ids, "0")
    until(lambda: take(world) or len(carrier.tags()) == 2)
    assert world.redis.hgetall(keys.taken(Queue.SUBMIT)) == {}
    assert letters(world) == []


def test_a_message_whose_content_was_deleted_is_named(world: World) -> None:
    gone, there = world.admit(2)
    world.redis.delete(keys.content(gone))
    take(world)
    assert world.status(there) is Status.SUBMITTED
    (letter,) = letters(world)
    assert (letter.kind, letter.subject, letter.error) == (Kind.MESSAGE, gone, "content lost")
    assert settle(world, Standing.PUT_BACK) == 0, "there is nothing to put back"


def arrive(world: World, body: bytes, digest: str) -> None:
    hook = Webhook(connection="bandwidth-1", body=body, at=NOW)
    world.redis.set(keys.webhook(digest), content.encode_webhook(hook))
    now_ms = world.runtime.ready.now_ms()
    world.redis.zadd(keys.outbox(Queue.EVENTS), {digest: now_ms + keys.UNPOPPED_MS})
    world.redis.lpush(keys.ready(Queue.EVENTS), digest)


def read(world: World) -> None:
    world.runtime.schedule.put_back(Queue.EVENTS)
    with suppress(ValueError):
        events.take(world.runtime)


def test_a_webhook_that_breaks_its_takes_is_set_aside_and_comes_back(world: World) -> None:
    arrive(world, b"[]", "good")
    arrive(world, b"[]", "bad")
    world.redis.set(keys.webhook("bad"), b'{"connection":"bandwidth-1","at":"never"}\n[]')
    until(lambda: read(world) or letters(world))
    (letter,) = letters(world)
    assert (letter.kind, letter.subject, letter.connection) == (Kind.WEBHOOK, "bad", "bandwidth-1")
    assert letter.error == "ValueError"
    assert world.redis.keys("hook:*") == []


def test_a_webhook_is_put_back_as_it_came(world: World) -> None:
    arrive(world, b"[]", "one")
    world.runtime.ready.pop(Queue.EVENTS, 1)
    park.webhook(world.runtime, "one", Trace(error=DIED))
    assert world.redis.exists(keys.webhook("one")) == 0
    settle(world, Standing.PUT_BACK, kind=Kind.WEBHOOK)
    services.leave(world.runtime)
    read(world)
    assert world.redis.exists(keys.webhook("one")) == 0
    assert world.runtime.database.read(lambda sql: webhooks.kept(sql, ["one"])) == {"one"}


def test_a_webhook_whose_body_was_deleted_is_named(world: World) -> None:
    arrive(world, b"[]", "gone")
    world.redis.delete(keys.webhook("gone"))
    read(world)
    assert [(one.kind, one.subject, one.error) for one in letters(world)] == [
        (Kind.WEBHOOK, "gone", "content lost")
    ]


def test_a_message_that_kills_its_worker_is_set_aside_and_its_neighbours_go_on(
    world: World, carrier: Carrier
) -> None:
    good = world.admit(2)
    (bad,) = world.admit(text="deadly")
    good += world.admit(2)
    deaths = [work_or_die(world) for _ in range(6)]
    assert deaths.count(-signal.SIGKILL) == 3
    assert [(one.subject, one.error) for one in letters(world)] == [(bad, DIED)]
    assert {world.status(one) for one in good} == {Status.SUBMITTED}
    assert sorted(carrier.tags()) == sorted(f"{one}.1" for one in good)


def work_or_die(world: World) -> int:
    """Run a worker until it has nothing to do or dies, after what the last one dropped is put back."""
    time.sleep(0.3)  # the wait doubles from 0.05 s
    world.runtime.schedule.put_back(Queue.SUBMIT)
    values = {
        "BROKER_DATA_DIR": str(world.settings.data_dir),
        "BROKER_REDIS_URL": world.settings.redis_url,
        "BROKER_SECRET_KEY": world.settings.secret_key.get_secret_value(),
        "BROKER_PUT_BACK_S": "0.05",
    }
    command = [sys.executable, "-m", "tests.integration.workers.dying", "deadly"]
    done = subprocess.run(command, check=False, env={**os.environ, **values}, capture_output=True, timeout=60)
    return done.returncode


def test_what_another_take_is_trying_at_this_moment_is_left_to_it(world: World, carrier: Carrier) -> None:
    (one,) = world.admit()
    world.redis.hset(keys.taken(Queue.SUBMIT), one, 2)  # two takes of it left no word
    until_ms = world.runtime.ready.now_ms() + 60_000
    world.runtime.suspects.begin(Queue.SUBMIT, one, until_ms=until_ms)

    assert take(world) == []

    assert (letters(world), carrier.tags()) == ([], [])
    world.runtime.suspects.acquit(Queue.SUBMIT, one)
    until(lambda: take(world) == [] and carrier.tags())
    assert (letters(world), carrier.tags()) == ([], [f"{one}.1"])
