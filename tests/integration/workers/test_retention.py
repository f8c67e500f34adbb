"""What is removed in its time, what stays, and what of it is left on the disk."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from broker.dispatch import Queue
from broker.domain.ask import Handling
from broker.domain.bill import Bill, BillingQuery
from broker.domain.folder import Folder
from broker.domain.ids import new_id
from broker.domain.message import Direction, Message, Part, PartState, Tag
from broker.domain.record import Record
from broker.domain.rules import Kept
from broker.domain.status import Event, Status
from broker.keyspace import keys
from broker.services import events, retention, submit, sweep
from broker.services.handle import Wish, do
from broker.storage import billing, callbacks, messages, webhooks
from broker.storage import retention as progress
from broker.storage.callbacks import Owing
from broker.storage.database import Sql
from broker.storage.files import Sink, part_path
from broker.storage.messages import Fresh
from tests.integration.workers.carrier import Carrier
from tests.integration.workers.conftest import World, new_message
from tests.integration.workers.test_events import arrive
from tests.integration.workers.test_optouts import rule, texted

CANARY = "canary-7391-sings"
DAY = timedelta(days=1)


@pytest.fixture
def world(open_world: Callable[..., World], carrier: Carrier) -> World:
    """A world with an account that gets what arrives."""
    one = open_world(keep_text_days=30, keep_media_days=30, keep_events_days=90)
    rule(one)
    return one


def old(days: float = 31, **changes: Any) -> Message:
    """Return a message of long ago."""
    at = datetime.now(UTC) - days * DAY
    usual = {"id": new_id(round(at.timestamp() * 1000)), "created_at": at, "valid_until": at + DAY}
    return new_message(**{**usual, "text": CANARY, "subject": f"about {CANARY}", **changes})


def put(world: World, *many: Message, event: Event = Event.REFUSE, due_at: int | None = None) -> None:
    """Enter messages with what happened to them."""
    fresh = [Fresh(message=one, event=event, due_at=due_at) for one in many]
    world.runtime.database.write(lambda sql: messages.add(sql, fresh))


def picture(world: World, message: Message) -> tuple[Path, Part]:
    """Keep a file for a message, and return it with its part."""
    path = part_path(world.settings.attachments, message.id, 1, "cat.jpg")
    with Sink(path.parent) as sink:
        sink.write(b"a picture")
        sink.commit(path.name)
    part = Part(index=1, content_type="image/jpeg", name="cat.jpg", size=9, sha256="f00", path=str(path))
    return path, Part(**{**{name: getattr(part, name) for name in Part.__slots__}, "state": PartState.STORED})


def bills(world: World) -> list[Bill]:
    query = BillingQuery(limit=100)
    return world.runtime.database.read(lambda sql: billing.page(sql, "acme", query))[0]


def done(world: World) -> dict[tuple[str, str], int]:
    return world.runtime.database.read(progress.done)


def facts(record: Record) -> tuple[Any, ...]:
    """Return what must stay of a message."""
    one = record.message
    return one.id, one.status, one.originator, one.recipient, one.created_at, one.valid_until, one.reference


def test_an_old_text_is_removed_and_the_message_keeps_its_id_status_times_and_bill(world: World) -> None:
    message = old(text=CANARY * 20, reference="order-1")
    put(world, message)
    before, billed = world.record(message.id), bills(world)
    retention.forget_old(world.runtime)
    after = world.record(message.id)
    assert (after.message.text, after.message.subject) == ("", "")
    assert facts(after) == facts(before)
    assert after.events == before.events
    assert bills(world) == billed
    assert billed[0].bytes == 20 * len(CANARY)


def test_what_is_not_old_enough_stays(world: World) -> None:
    young = old(29)
    put(world, young)
    retention.forget_old(world.runtime)
    assert world.record(young.id).message.text == CANARY


def test_old_files_are_removed_and_their_parts_say_so(world: World) -> None:
    message = old()
    path, part = picture(world, message)
    tags = (Tag(name="attachment", value=str(path)), Tag(name="campaign", value="spring"))
    put(world, Message(**{**_values(message), "parts": (part,), "tags": tags}))
    billed = bills(world)
    retention.forget_old(world.runtime)
    (kept,) = world.record(message.id).message.parts
    assert (kept.state, kept.path, kept.name, kept.size) == (PartState.REMOVED, None, "", 9)
    assert not path.exists()
    assert not path.parent.exists()
    assert [tag.name for tag in world.record(message.id).message.tags] == ["campaign"]
    assert bills(world) == billed


def test_the_files_of_what_its_customer_removes_from_deleted_go_with_the_next_sweep(world: World) -> None:
    message = old(1, status=Status.READY, direction=Direction.IN)
    path, part = picture(world, message)
    tags = (Tag(name="attachment", value=str(path)),)
    fresh = [Fresh(message=Message(**{**_values(message), "parts": (part,), "tags": tags}), event=None)]
    world.runtime.database.write(lambda sql: messages.add(sql, fresh))

    def removed(folder: Folder | None) -> bool:
        wish = Wish(
            account="acme",
            names=(message.id,),
            handling=Handling.DELETE,
            folder=folder,
            now_ms=world.runtime.ready.now_ms(),
            known=world.runtime.directory.look(),
            settings=world.settings,
        )
        world.runtime.database.write(lambda sql: do(sql, wish=wish))
        retention.forget_old(world.runtime)
        assert path.exists() is (world.record(message.id).message.parts[0].state is PartState.STORED)
        return not path.exists()

    steps = (Folder.DELETED, Folder.INBOX, Folder.INBOX, None, Folder.DELETED, Folder.DELETED)
    assert [removed(step) for step in steps] == [False, False, False, False, True, True]
    after = world.record(message.id).message
    assert (after.text, after.tags) == (CANARY, ())


def _values(message: Message) -> dict[str, Any]:
    return {name: getattr(message, name) for name in Message.__slots__}


def test_old_events_and_attempts_are_removed(world: World) -> None:
    message, younger = old(91), old(89)
    put(world, message, younger)
    retention.forget_old(world.runtime)
    assert world.record(message.id).events == ()
    assert world.record(younger.id).events != ()
    assert world.record(message.id).message.status is Status.REJECTED


def test_each_account_has_its_own_days(world: World) -> None:
    rule(world, keep_text_days=3, keep_media_days=400)
    message = old(4)
    ancient = old(300)
    path, part = picture(world, ancient)
    put(world, message, Message(**{**_values(ancient), "parts": (part,)}))
    put(world, other := old(4, account="stopper"))
    retention.forget_old(world.runtime)
    assert world.record(message.id).message.text == ""
    assert world.record(other.id, "stopper").message.text == CANARY
    assert path.exists()


def test_what_is_still_open_is_left_and_has_its_turn_when_it_has_ended(world: World) -> None:
    waiting, ended = old(), old()
    put(world, waiting, event=Event.TAKE, due_at=0)
    put(world, ended)
    retention.forget_old(world.runtime)
    assert [world.record(one.id).message.text for one in (waiting, ended)] == [CANARY, ""]
    end = messages.Move(id=waiting.id, event=Event.EXPIRE, at=datetime.now(UTC), key="expire")
    world.runtime.database.write(lambda sql: messages.move(sql, [end]))
    retention.forget_old(world.runtime)
    assert world.record(waiting.id).message.text == ""
    assert world.runtime.database.read(lambda sql: progress.left(sql, "acme text", limit=9)) == []


def test_an_arrival_is_left_until_its_account_was_told(world: World) -> None:
    arrived = old(direction=Direction.IN, status=Status.RECEIVED)
    put(world, arrived, event=Event.READY)
    owing = Owing(
        message_id=arrived.id,
        account="acme",
        status=Status.READY,
        at=datetime.now(UTC),
        url="http://127.0.0.1:9/",
        due_at=0,
        ends_at=2**60,
    )
    world.runtime.database.write(lambda sql: callbacks.owe(sql, [owing]))
    retention.forget_old(world.runtime)
    assert world.record(arrived.id).message.text == CANARY
    tried = callbacks.Tried(id=callbacks.id_of(arrived.id, Status.READY), state=callbacks.CallbackState.TOLD)
    world.runtime.database.write(lambda sql: callbacks.settle(sql, [tried]))
    retention.forget_old(world.runtime)
    assert world.record(arrived.id).message.text == ""


def test_a_file_that_another_message_is_about_to_send_on_is_left(world: World) -> None:
    message = old()
    path, part = picture(world, message)
    put(world, Message(**{**_values(message), "parts": (part,)}))
    onward = new_message(parts=(part,), connection="bandwidth-1")
    put(world, onward, event=Event.PREPARE, due_at=2**60)
    retention.forget_old(world.runtime)
    assert path.exists()
    end = messages.Move(id=onward.id, event=Event.EXPIRE, at=datetime.now(UTC), key="expire")
    world.runtime.database.write(lambda sql: messages.move(sql, [end]))
    retention.forget_old(world.runtime)
    assert not path.exists()


def test_a_sweep_that_is_cut_off_goes_on_where_it_was_and_counts_each_message_once(world: World) -> None:
    many = [old(40 - n / 100) for n in range(25)]
    put(world, *many)
    retention.forget_old(world.runtime, most=10, passes=1)
    assert done(world)["acme", "text"] == 10
    blank = [world.record(one.id).message.text == "" for one in many]
    assert blank == [True] * 10 + [False] * 15
    retention.forget_old(world.runtime, most=10)
    retention.forget_old(world.runtime, most=10)
    assert done(world)["acme", "text"] == 25


def test_of_two_sweeps_that_did_the_same_one_counts_it(world: World) -> None:
    def step(sql: Sql) -> bool:
        now = datetime.now(UTC)
        return progress.advance(sql, "acme", Kept.TEXT, was="", after="a", done=10, at=now)

    assert [world.runtime.database.write(step) for _ in range(2)] == [True, False]
    assert done(world)["acme", "text"] == 10


def test_a_sweep_that_died_after_the_files_says_so_of_the_parts_the_next_time(world: World) -> None:
    message = old()
    path, part = picture(world, message)
    put(world, Message(**{**_values(message), "parts": (part,)}))
    path.unlink()
    retention.forget_old(world.runtime)
    assert [one.state for one in world.record(message.id).message.parts] == [PartState.REMOVED]


def test_the_usual_sweep_does_it(world: World) -> None:
    message = old()
    put(world, message)
    sweep.sweep(world.runtime)
    assert world.record(message.id).message.text == ""


def rows_with(sql: Sql, words: str) -> dict[str, int]:
    """Return how many rows of which tables hold words."""
    from broker.storage.tables import metadata

    found = {}
    for table in metadata.sorted_tables:
        rows = [dict(row) for row in sql.execute(table.select()).mappings()]
        count = sum(words in repr(row) for row in rows)
        if count:
            found[table.name] = count
    return found


def on_disk(world: World, words: str) -> list[str]:
    """Return the files of the data folder that hold words."""
    folder = world.settings.data_dir
    return sorted(
        str(path.relative_to(folder))
        for path in folder.rglob("*")
        if path.is_file() and words.encode() in path.read_bytes()
    )


def test_of_a_removed_text_nothing_is_left_in_any_table_file_or_key(world: World, carrier: Carrier) -> None:
    """Not in the raw webhook either, nor in free pages and the log of SQLite, nor in Redis."""
    at = datetime.now(UTC)
    arrive(world.settings, texted(CANARY, at))
    (sent,) = world.admit(text=CANARY * 400)
    submit.take(world.runtime, Queue.SUBMIT)
    events.take(world.runtime)
    world.runtime.database.write(
        lambda sql: webhooks.keep(
            sql, [webhooks.Webhook(digest="other", connection="bandwidth-1", at=at, body=b"kept")]
        )
    )
    end = messages.Move(id=sent, event=Event.DELIVER, at=at, key="deliver")
    world.runtime.database.write(lambda sql: messages.move(sql, [end]))
    assert set(world.runtime.database.read(lambda sql: rows_with(sql, CANARY))) == {"messages", "webhooks"}
    assert on_disk(world, CANARY)

    world.runtime.database.write(_age)
    retention.forget_old(world.runtime)

    assert world.runtime.database.read(lambda sql: rows_with(sql, CANARY)) == {}
    assert on_disk(world, CANARY) == []
    assert CANARY not in repr(_values_in(world))
    assert world.redis.zcard(keys.outbox(Queue.SUBMIT)) == 0


def _age(sql: Sql) -> None:
    """Let all that is recorded be of long ago: ids are the clock."""
    long_ago = new_id(round((datetime.now(UTC) - 60 * DAY).timestamp() * 1000))[:13]
    for table, column in (
        ("messages", "id"),
        ("events", "message_id"),
        ("submissions", "message_id"),
    ):
        sql.exec_driver_sql(f"UPDATE {table} SET {column} = '{long_ago}' || substr({column}, 14)")


def _values_in(world: World) -> dict[str, str]:
    """Return what Redis holds."""
    found = {}
    for key in world.redis.keys("*"):
        kind = world.redis.type(key)
        read = {
            "string": world.redis.get,
            "hash": world.redis.hgetall,
            "set": world.redis.smembers,
            "list": lambda name: world.redis.lrange(name, 0, -1),
            "zset": lambda name: world.redis.zrange(name, 0, -1, withscores=True),
        }[kind]
        found[key] = repr(read(key))
    return found
