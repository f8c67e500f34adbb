"""Opt-outs: what people text, what carriers refuse, and what is not sent because of it."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest

from broker.dispatch import Queue
from broker.domain.ids import new_id
from broker.domain.ledger import HOUR_MS
from broker.domain.message import Message, Part
from broker.domain.optout import Journalled, OptOut, OptOutQuery
from broker.domain.record import MessageQuery
from broker.domain.status import Event, Status
from broker.services import events, submit
from broker.storage import ledger, messages, optouts, provision, reading
from broker.storage.database import Database
from tests.factories import RECIPIENT, SENDER
from tests.integration.workers.carrier import Carrier
from tests.integration.workers.conftest import World, admit, new_message
from tests.integration.workers.test_events import arrive

SECOND = timedelta(seconds=1)
OTHER = "+12025550102"


@pytest.fixture
def world(open_world: Callable[..., World], carrier: Carrier) -> World:
    """A world whose account gets what arrives for its sender."""
    one = open_world()
    rule(one)
    return one


def rule(world: World, **rules: Any) -> None:
    """Provision the account with rules."""
    account = {"name": "acme", "api_keys": ["a"], "senders": [SENDER], "inbound_numbers": [SENDER], **rules}
    key = world.settings.secret_key.get_secret_value()
    world.runtime.database.write(lambda sql: provision.apply(sql, {"accounts": [account]}, secret_key=key))
    world.runtime.directory.forget()


def texted(text: str, at: datetime, *, originator: str = RECIPIENT, recipient: str = SENDER) -> bytes:
    """Return what the carrier posts when a text has come."""
    message = {
        "id": new_id(),
        "owner": recipient,
        "time": at.isoformat(),
        "direction": "in",
        "to": [recipient],
        "from": originator,
        "text": text,
    }
    event = {"type": "message-received", "time": at.isoformat(), "to": recipient, "message": message}
    return json.dumps([event]).encode()


def text(world: World, words: str, at: datetime | None = None, **changes: str) -> None:
    """Let somebody text us."""
    arrive(world.settings, texted(words, at or datetime.now(UTC), **changes))
    events.take(world.runtime)


def in_force(world: World) -> list[OptOut]:
    return world.runtime.database.read(lambda sql: optouts.page(sql, OptOutQuery()))[0]


def journal(world: World) -> list[Journalled]:
    return world.runtime.database.read(lambda sql: optouts.changes(sql, OptOutQuery()))[0]


def sent(world: World, carrier: Carrier) -> list[str]:
    """Return the ids of what the carrier took, after everything that waits was taken."""
    for _ in range(2):
        submit.take(world.runtime, Queue.SUBMIT)
    return [tag.partition(".")[0] for tag in carrier.tags()]


def arrivals(world: World) -> list[Message]:
    query = MessageQuery(direction="in")  # type: ignore[arg-type]
    return world.runtime.database.read(lambda sql: reading.page(sql, query, account="acme"))[0]


def test_a_stop_is_kept_with_the_text_and_the_time_as_proof_and_forwarded_like_any_other(
    world: World,
) -> None:
    before = datetime.now(UTC)
    text(world, "Stop!")
    (one,) = in_force(world)
    (arrived,) = arrivals(world)
    assert (one.account, one.sender, one.recipient, one.who) == ("acme", SENDER, RECIPIENT, "recipient")
    assert (one.message_id, one.text) == (arrived.id, "Stop!")
    assert before - SECOND < one.at < before + 60 * SECOND
    assert arrived.status is Status.READY


def test_what_is_accepted_after_a_stop_is_refused_and_says_why(world: World, carrier: Carrier) -> None:
    text(world, "STOP")
    (refused,) = world.admit()
    (other,) = world.admit(recipient=OTHER)
    assert sent(world, carrier) == [other]
    record = world.record(refused)
    assert (record.message.status, record.message.attempts) == (Status.REJECTED, 0)
    assert (record.events[-1].type, record.events[-1].detail) == ("refuse", "opted out")


@pytest.mark.parametrize(
    "event", [Event.TAKE, Event.SCHEDULE, Event.DEFER, Event.PREPARE, Event.RESEND], ids=str
)
def test_a_stop_is_in_force_for_what_waits_already(world: World, carrier: Carrier, event: Event) -> None:
    status = {Event.DEFER: Status.SUBMITTING, Event.RESEND: Status.UNKNOWN}.get(event, Status.ACCEPTED)
    parts = (Part(index=1, url="http://127.0.0.1:9/a.jpg"),) if event is Event.PREPARE else ()
    waiting = new_message(status=status, connection="bandwidth-1", parts=parts)
    fresh = [messages.Fresh(message=waiting, event=event, due_at=0)]
    world.runtime.database.write(lambda sql: messages.add(sql, fresh))
    text(world, "STOP")
    if event is Event.PREPARE:
        ready = messages.Move(id=waiting.id, event=Event.READY, at=datetime.now(UTC), key="ready", due_at=1)
        world.runtime.database.write(lambda sql: messages.move(sql, [ready]))
    world.runtime.ready.push(Queue.SUBMIT, [waiting.id])
    assert sent(world, carrier) == []
    assert world.status(waiting.id) is Status.REJECTED


def test_several_messages_of_one_take_are_all_refused(world: World, carrier: Carrier) -> None:
    text(world, "STOP")
    many = world.admit(20)
    assert sent(world, carrier) == []
    assert {world.status(one) for one in many} == {Status.REJECTED}


def test_a_start_ends_it_and_both_stay_in_the_journal(world: World, carrier: Carrier) -> None:
    text(world, "STOP")
    text(world, "start")
    (one,) = world.admit()
    assert sent(world, carrier) == [one]
    assert in_force(world) == []
    assert [(entry.wish, entry.text) for entry in journal(world)] == [("stop", "STOP"), ("start", "start")]


def test_a_sentence_stops_nothing(world: World, carrier: Carrier) -> None:
    text(world, "Please stop by at eight")
    (one,) = world.admit()
    assert sent(world, carrier) == [one]
    assert in_force(world) == journal(world) == []


def test_the_later_wish_holds_in_whatever_order_they_come(world: World) -> None:
    now = datetime.now(UTC)
    text(world, "STOP", now - 60 * SECOND)
    text(world, "START", now - 20 * SECOND)
    text(world, "STOP", now - 40 * SECOND)
    assert in_force(world) == []
    text(world, "STOP", now - 10 * SECOND)
    text(world, "START", now - 30 * SECOND)
    assert len(in_force(world)) == 1


def test_a_clock_that_is_ahead_does_not_keep_a_later_wish_from_being_heard(world: World) -> None:
    text(world, "STOP", datetime.now(UTC) - SECOND)
    text(world, "START", datetime.now(UTC) + timedelta(days=9999))
    text(world, "STOP")
    assert len(in_force(world)) == 1


def test_a_stop_that_is_told_twice_is_kept_once(world: World) -> None:
    twice = texted("STOP", datetime.now(UTC))
    for body in (twice, twice, twice + b" "):
        arrive(world.settings, body)
        events.take(world.runtime)
    assert len(in_force(world)) == len(journal(world)) == 1


def test_a_stop_is_for_one_sender_only(world: World, carrier: Carrier) -> None:
    text(world, "STOP")
    (one,) = world.admit(originator="+12025550160")
    assert sent(world, carrier) == [one]


def test_of_a_group_nothing_goes_out_when_one_of_it_has_opted_out(world: World, carrier: Carrier) -> None:
    text(world, "STOP", originator="+12025550101")
    group = world.admit_group(3)
    assert sent(world, carrier) == []
    assert [world.status(one) for one in group] == [Status.REJECTED] * 3
    told = [world.record(one).events[-1].detail for one in group]
    peer = "opted out: another recipient of the group"
    assert told == [peer, "opted out", peer]


def test_an_account_may_see_to_its_opt_outs_itself(world: World, carrier: Carrier) -> None:
    text(world, "STOP")
    rule(world, opt_outs="customer")
    text(world, "STOP", originator=OTHER)
    ids = [*world.admit(), *world.admit(recipient=OTHER)]
    assert sorted(sent(world, carrier)) == sorted(ids)
    assert [one.recipient for one in in_force(world)] == [RECIPIENT]


@pytest.mark.parametrize(("code", "stops"), [(4475, True), (4775, True), (4770, False)])
def test_a_carriers_refusal_because_of_an_opt_out_is_taken_for_one(
    world: World, carrier: Carrier, code: int, stops: bool
) -> None:
    (first,) = world.admit()
    sent(world, carrier)
    failed = {
        "type": "message-failed",
        "time": datetime.now(UTC).isoformat(),
        "to": RECIPIENT,
        "description": "no",
        "errorCode": code,
        "message": {"id": "carrier-1", "tag": f"{first}.1", "to": [RECIPIENT], "from": SENDER},
    }
    arrive(world.settings, json.dumps([failed]).encode())
    events.take(world.runtime)
    (second,) = world.admit()
    sent(world, carrier)
    assert world.status(first) is Status.UNDELIVERED
    assert world.status(second) is (Status.REJECTED if stops else Status.SUBMITTED)
    assert [(one.who, one.message_id) for one in in_force(world)] == [("carrier", first)] * stops
    assert [one.reason.split(" ")[0] for one in in_force(world)] == [str(code)] * stops


def test_nobody_is_answered_unless_the_account_wants_it(world: World, carrier: Carrier) -> None:
    for words in ("HELP", "STOP", "START"):
        text(world, words)
    assert sent(world, carrier) == []


ANSWERS = {
    "stop_answer": "You will get no more. Text START to begin again.",
    "start_answer": "Welcome back.",
    "help_answer": "Ask us at help.example.",
}


def answers(world: World) -> list[str]:
    query = MessageQuery(direction="out")  # type: ignore[arg-type]
    found = world.runtime.database.read(lambda sql: reading.page(sql, query, account="acme"))[0]
    assert {(one.originator, one.recipient) for one in found} <= {(SENDER, RECIPIENT)}
    return [one.text for one in reversed(found)]


def test_an_account_may_have_wishes_answered_and_nothing_but_answers_goes_out_after_a_stop(
    world: World, carrier: Carrier
) -> None:
    rule(world, **ANSWERS)
    text(world, "HELP")
    text(world, "STOP")
    world.admit()
    assert len(sent(world, carrier)) == 2
    assert answers(world)[:2] == [ANSWERS["help_answer"], ANSWERS["stop_answer"]]
    text(world, "STOP")
    text(world, "START")
    assert len(sent(world, carrier)) == 3
    assert answers(world)[-1] == ANSWERS["start_answer"]


def test_the_ledger_counts_no_answers_since_nobody_accepted_them(world: World, carrier: Carrier) -> None:
    rule(world, **ANSWERS)
    text(world, "HELP")
    world.admit()
    assert len(sent(world, carrier)) == 2
    hour = world.runtime.ready.now_ms() // HOUR_MS
    found = [world.runtime.database.read(partial(ledger.standing, hour=n)) for n in (hour - 1, hour)]
    assert sum(one["acme"].found for one in found if "acme" in one) == 1


def test_a_machine_that_answers_answers_is_answered_three_times_a_day(world: World, carrier: Carrier) -> None:
    rule(world, **ANSWERS)
    for _ in range(5):
        for words in ("HELP", "STOP", "START"):
            text(world, words)
    assert len(sent(world, carrier)) == 3
    assert in_force(world) == []


@pytest.mark.parametrize("originator", [SENDER, "somebody@mail.example", "12345"])
def test_our_own_numbers_and_what_is_no_number_are_not_answered(
    world: World, carrier: Carrier, originator: str
) -> None:
    rule(world, **ANSWERS)
    text(world, "STOP", originator=originator)
    assert sent(world, carrier) == []
    assert len(in_force(world)) == 1


def test_an_answer_is_sent_although_the_worker_died_after_its_commit(world: World, carrier: Carrier) -> None:
    from broker.services import sweep

    rule(world, **ANSWERS)
    text(world, "HELP")
    assert world.runtime.ready.pop(Queue.SUBMIT, 10).ids
    world.redis.flushdb()
    sweep.sweep(world.runtime)
    assert len(sent(world, carrier)) == 1


def test_a_stop_and_what_is_sent_meanwhile_are_decided_by_the_record(world: World, carrier: Carrier) -> None:
    """Another process's memory of who has opted out is not asked: it may be old."""
    world.runtime.directory.look()
    other = Database(world.settings.database)
    text(world, "STOP")
    other.close()
    admit(world.settings, [new_message()])
    assert sent(world, carrier) == []
