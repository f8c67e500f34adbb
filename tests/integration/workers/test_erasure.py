"""Erasure of a number from request to end: what is open, what is shared, what is cut off."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from broker.dispatch import Queue
from broker.domain.bill import BillingQuery
from broker.domain.dead import DIED, Trace
from broker.domain.erasure import Erasure, Step
from broker.domain.ids import new_id
from broker.domain.message import PartState
from broker.domain.pseudonym import pseudonym
from broker.domain.status import Event, Status
from broker.domain.value import replace
from broker.keyspace import keys
from broker.services import erasing, events, park, submit
from broker.storage import billing, erasures, messages
from broker.storage.messages import Fresh
from broker.storage.vault import Vault
from tests.conftest import SECRET_KEY
from tests.factories import RECIPIENT
from tests.integration.workers.carrier import Carrier
from tests.integration.workers.conftest import World, new_message
from tests.integration.workers.test_events import arrive, delivered
from tests.integration.workers.test_optouts import OTHER, rule, sent, texted
from tests.integration.workers.test_retention import on_disk, picture

DIGITS = RECIPIENT[2:]
NAME = pseudonym(SECRET_KEY, RECIPIENT)


@pytest.fixture
def world(open_world: Callable[..., World], carrier: Carrier) -> World:
    """A world with an account that gets what arrives."""
    one = open_world()
    rule(one)
    return one


def request(world: World, number: str = RECIPIENT) -> Erasure:
    """Ask for a number to be erased, as an operator does."""
    wanted = Erasure(
        id=new_id(),
        subject=pseudonym(SECRET_KEY, number),
        number=Vault(SECRET_KEY).seal(number),
        at=datetime.now(UTC),
        who="ada",
        reason="asked by letter",
        step=Step.WAIT,
    )
    return world.runtime.database.write(lambda sql: erasures.begin(sql, wanted))


def run(world: World, **limits: Any) -> Erasure:
    """Let the sweep have its turn, and return where the newest erasure stands."""
    erasing.erase(world.runtime, **{"grace_ms": 0, **limits})
    return world.runtime.database.read(erasures.every)[0]


def put(world: World, *fresh: Fresh) -> None:
    world.runtime.database.write(lambda sql: messages.add(sql, fresh))


def count(world: World) -> int:
    return int(
        world.runtime.database.read(lambda sql: sql.exec_driver_sql("SELECT count(*) FROM messages").scalar())
    )  # type: ignore[arg-type]


def test_a_number_is_erased_with_its_texts_and_files_and_every_message_stays_on_the_bill(
    world: World, carrier: Carrier
) -> None:
    (first,) = world.admit()
    submit.take(world.runtime, Queue.SUBMIT)
    arrive(world.settings, delivered(first), texted("Stop", datetime.now(UTC)))
    events.take(world.runtime)
    message = new_message()
    path, part = picture(world, message)
    put(world, Fresh(message=replace(message, parts=(part,)), event=Event.REFUSE))
    (other,) = world.admit(recipient=OTHER)
    submit.take(world.runtime, Queue.SUBMIT)
    rows = count(world)
    bill = world.runtime.database.read(lambda sql: billing.page(sql, "acme", BillingQuery(limit=9)))[0]
    assert on_disk(world, DIGITS)

    request(world)
    done = run(world)

    assert (done.step, done.number, done.who, done.reason) == (Step.DONE, None, "ada", "asked by letter")
    assert done.counts == {"messages": 3, "webhooks": 0, "parked": 0, "letters": 0, "opt_outs": 2}
    assert on_disk(world, DIGITS) == []
    assert not path.exists()
    assert count(world) == rows
    assert world.record(first).message.recipient == NAME
    assert world.record(message.id).message.parts[0].state is PartState.REMOVED
    assert world.record(other).message.recipient == OTHER
    again = world.runtime.database.read(lambda sql: billing.page(sql, "acme", BillingQuery(limit=9)))[0]
    named = [replace(one, recipient=NAME) if one.recipient == RECIPIENT else one for one in bill]
    assert [replace(one, note="") for one in again] == named


def test_a_stop_is_in_force_for_the_erased_number(world: World, carrier: Carrier) -> None:
    arrive(world.settings, texted("Stop", datetime.now(UTC)))
    events.take(world.runtime)
    request(world)
    assert run(world).step is Step.DONE
    (one,) = world.admit()
    assert sent(world, carrier) == []
    assert world.status(one) is Status.REJECTED


@pytest.mark.parametrize("event", [Event.TAKE, Event.SCHEDULE, Event.PREPARE])
def test_what_has_not_been_sent_is_cancelled_and_then_erased(
    world: World, carrier: Carrier, event: Event
) -> None:
    waiting = new_message(connection="bandwidth-1")
    put(world, Fresh(message=waiting, event=event, due_at=0))
    request(world)
    assert run(world).step is Step.DONE
    world.runtime.ready.push(Queue.SUBMIT, [waiting.id])
    assert sent(world, carrier) == []
    record = world.record(waiting.id)
    assert (record.message.status, record.message.recipient, record.message.text) == (
        Status.CANCELLED,
        NAME,
        "",
    )
    assert record.events[-1].detail == "its number was erased"


def test_what_has_not_been_sent_is_cancelled_as_soon_as_it_is_found(world: World) -> None:
    waiting = new_message(connection="bandwidth-1")
    put(world, Fresh(message=waiting, event=Event.TAKE, due_at=0))
    request(world)
    assert run(world, passes=2).step is Step.OPEN
    assert world.status(waiting.id) is Status.CANCELLED


def test_a_group_with_it_is_cancelled_as_a_whole_and_the_others_keep_theirs(
    world: World, carrier: Carrier
) -> None:
    ids = tuple(new_id() for _ in range(3))
    group = [
        new_message(id=name, members=ids, group=True, batch=ids[0], recipient=f"+1202555010{n}")
        for n, name in enumerate(ids)
    ]
    put(world, *(Fresh(message=one, event=Event.TAKE, due_at=0) for one in group))
    request(world)
    assert run(world).step is Step.DONE
    found = [world.record(name).message for name in ids]
    assert {one.status for one in found} == {Status.CANCELLED}
    assert [one.recipient for one in found] == ["+12025550100", NAME, OTHER]
    assert [one.text for one in found] == ["hello", "", "hello"]


def test_a_file_that_others_of_the_group_were_sent_stays_theirs(world: World) -> None:
    ids = tuple(new_id() for _ in range(2))
    first = new_message(id=ids[0])
    path, part = picture(world, first)
    group = [
        new_message(id=name, members=ids, group=True, batch=ids[0], recipient=number, parts=(part,))
        for name, number in zip(ids, (RECIPIENT, OTHER), strict=True)
    ]
    put(world, *(Fresh(message=one, event=Event.REFUSE) for one in group))
    request(world)
    assert run(world).step is Step.DONE
    assert path.exists()
    assert [world.record(name).message.parts[0].state for name in ids] == [
        PartState.REMOVED,
        PartState.STORED,
    ]


def test_what_is_with_the_carrier_is_erased_when_its_report_has_come(world: World, carrier: Carrier) -> None:
    (one,) = world.admit()
    submit.take(world.runtime, Queue.SUBMIT)
    request(world)
    waiting = run(world)
    assert (waiting.step, waiting.waiting) == (Step.OPEN, 1)
    assert waiting.number is not None
    assert world.record(one).message.recipient == RECIPIENT
    arrive(world.settings, delivered(one))
    events.take(world.runtime)
    done = run(world)
    assert (done.step, done.waiting, done.counts["messages"]) == (Step.DONE, 0, 1)
    assert on_disk(world, DIGITS) == []


def test_what_was_accepted_before_and_waits_in_line_is_waited_for(world: World, carrier: Carrier) -> None:
    (one,) = world.admit()
    request(world)
    assert run(world).step is Step.WAIT
    submit.take(world.runtime, Queue.SUBMIT)
    assert run(world, grace_ms=3600_000).step is Step.WAIT
    assert run(world).step is Step.OPEN
    assert world.status(one) is Status.SUBMITTED


def test_a_sweep_that_is_cut_off_goes_on_where_it_was_and_counts_each_message_once(world: World) -> None:
    put(world, *(Fresh(message=new_message(), event=Event.REFUSE) for _ in range(25)))
    request(world)
    seen = [run(world, most=4, passes=1).counts.get("messages", 0) for _ in range(20)]
    assert seen[:4] == [0, 4, 8, 12]
    assert seen[-1] == 25
    assert run(world).step is Step.DONE


def test_the_same_number_twice_is_one_erasure_until_it_is_done_and_then_finds_nothing(world: World) -> None:
    put(world, Fresh(message=new_message(), event=Event.REFUSE))
    assert request(world).id == request(world).id
    assert run(world).counts["messages"] == 1
    request(world)
    again = run(world)
    assert (again.step, sum(again.counts.values())) == (Step.DONE, 0)


def test_the_number_of_an_erasure_is_sealed_while_it_is_under_way_and_then_gone(world: World) -> None:
    request(world)
    assert on_disk(world, DIGITS) == []
    done = run(world)
    assert (done.number, done.subject) == (None, NAME)


def test_news_of_nobodys_number_is_erased_too(world: World) -> None:
    arrive(world.settings, texted("hello", datetime.now(UTC), recipient="+12025550177"))
    events.take(world.runtime)
    request(world)
    assert run(world).counts == {"messages": 0, "webhooks": 1, "parked": 1, "letters": 0, "opt_outs": 0}
    assert on_disk(world, DIGITS) == []


def test_what_was_set_aside_is_discarded_with_its_sealed_content(world: World) -> None:
    (its,) = world.admit(text="a secret text")
    (unreadable,) = world.admit()
    (others,) = world.admit(recipient=OTHER, text=f"call {RECIPIENT}")
    body = world.redis.get(keys.content(unreadable))
    world.redis.set(keys.content(unreadable), body[:-1])
    arrive(world.settings, texted("hello", datetime.now(UTC)))
    (hook,) = world.redis.keys("hook:*")
    world.runtime.ready.pop(Queue.SUBMIT, 3)
    for one in (its, unreadable, others):
        park.message(world.runtime, Queue.SUBMIT, one, Trace(error=DIED))
    park.webhook(world.runtime, hook.removeprefix("hook:"), Trace(error=DIED))
    request(world)
    assert run(world).counts["letters"] == 3
    rows = world.runtime.database.read(
        lambda sql: sql.exec_driver_sql("SELECT subject, standing, reason, content FROM dead_letters").all()
    )
    gone = {row[0] for row in rows if row[1:] == ("discarded", "its number was erased", None)}
    assert gone == {its, unreadable, hook.removeprefix("hook:")}
    ((left, standing, _, content),) = [row for row in rows if row[0] not in gone]
    assert (left, standing, bool(content)) == (others, "parked", True)
    assert world.status(its) is Status.CANCELLED
