"""What was accepted is waiting, in flight, at its end, or parked; what is not, is noticed."""

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TypeVar

import pytest

from broker.dispatch import Queue
from broker.domain.dead import DIED, Letters, Trace
from broker.domain.ids import new_id
from broker.domain.ledger import Line, difference
from broker.domain.message import Priority
from broker.domain.status import Status
from broker.keyspace import keys
from broker.keyspace.books import entry_of
from broker.services import ledger, park, submit, sweep
from broker.storage import dead
from broker.storage import ledger as books
from tests.integration.workers.carrier import Carrier
from tests.integration.workers.conftest import World, new_message
from tests.integration.workers.conftest import admit as admit_all

T = TypeVar("T")


def until(question: Callable[[], T]) -> T:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        if answer := question():
            return answer
        time.sleep(0.01)
    raise AssertionError("waited in vain")


def page(world: World, account: str = "acme") -> Line:
    """Check, and return what was found of an account."""
    (line,) = [line for line in ledger.check(world.runtime) if line.account == account]
    return line


def places(line: Line) -> tuple[int, int, int, int]:
    standing = line.standing
    return standing.waiting, standing.in_flight, standing.final, standing.parked


def number(world: World) -> int:
    """Return the one number as the metrics have it."""
    ledger.check(world.runtime)
    return int(world.redis.hget(keys.figures(), "ledger_difference"))


@pytest.fixture(autouse=True)
def _within_an_hour() -> None:
    """Wait out the end of an hour: a test's messages are on one page."""
    left_s = 3600 - time.time() % 3600
    if left_s < 20:
        time.sleep(left_s + 0.1)


def test_accepted_is_waiting_in_flight_final_and_parked(world: World, carrier: Carrier) -> None:
    sent = world.admit(2)
    submit.take(world.runtime, Queue.SUBMIT)
    world.admit(1, valid_until=datetime.now(UTC) - timedelta(seconds=1))
    submit.take(world.runtime, Queue.SUBMIT)
    (aside,) = world.admit(1)
    world.runtime.ready.pop(Queue.SUBMIT, 1)
    park.message(world.runtime, Queue.SUBMIT, aside, Trace(error=DIED))
    world.admit(3)
    line = page(world)
    assert (line.accepted, line.difference) == (7, 0)
    assert places(line) == (3, len(sent), 1, 1)
    assert number(world) == 0


def test_every_kind_of_send_is_counted_once(world: World) -> None:
    world.admit(2)
    world.admit(1, priority=Priority.HIGH)
    world.admit(1, priority=Priority.BULK)
    world.admit_group(3)
    world.admit(1, account="stopper")
    assert page(world).accepted == 7
    assert page(world, "stopper").accepted == 1
    assert number(world) == 0


def test_what_is_refused_or_repeated_is_not_counted(world: World) -> None:
    from broker.domain.account import Account
    from broker.errors import KeyReused
    from broker.keyspace.admission import Admission, AdmissionRequest

    account = Account(name="acme", senders=())

    async def run() -> None:
        admission = Admission(world.settings.redis_url, world.settings)
        now = datetime.now(UTC)
        for digest in ("a", "a", "b"):
            request = AdmissionRequest(
                account=account, messages=(new_message(),), key="order-1", digest=digest, now=now
            )
            try:
                await admission.admit(request)
            except KeyReused:
                assert digest == "b"
        await admission.close()

    asyncio.run(run())
    assert page(world).accepted == 1
    assert number(world) == 0


def test_a_message_is_counted_in_the_hour_of_its_id(world: World) -> None:
    hour_ago = round(time.time() * 1000) - 3600_000
    admit_all(world.settings, [new_message(id=new_id(hour_ago)), new_message()])
    lines = [line for line in ledger.check(world.runtime) if line.account == "acme"]
    assert [(line.accepted, line.difference) for line in lines] == [(1, 0), (1, 0)]
    assert lines[1].hour - lines[0].hour == timedelta(hours=1)


def test_a_record_that_is_gone_is_missed_and_seen_in_the_metrics(world: World) -> None:
    ids = world.admit(3)
    submit.take(world.runtime, Queue.SUBMIT)
    assert number(world) == 0
    from sqlalchemy import text

    world.runtime.database.write(
        lambda sql: sql.execute(text("DELETE FROM messages WHERE id = :id"), {"id": ids[0]})
    )
    assert page(world).difference == 1
    assert number(world) == 1


def test_a_message_that_nobody_counted_is_seen_too(world: World) -> None:
    world.admit(3)
    world.redis.hincrby(keys.accepted(), _entry(world), -1)
    assert page(world).difference == -1
    assert number(world) == 1


def _entry(world: World) -> str:
    (entry,) = [name for name in world.redis.hgetall(keys.accepted()) if name.endswith(" acme")]
    return str(entry)


def test_what_moves_while_somebody_looks_is_no_difference() -> None:
    assert difference(before=10, found=10, after=10) == 0
    assert difference(before=10, found=12, after=15) == 0
    assert difference(before=10, found=9, after=15) == 1
    assert difference(before=10, found=16, after=15) == -1


def repaired(world: World, carrier: Carrier, ids: list[str]) -> None:
    """Do what scheduler, sweep and worker do, until all is delivered to the carrier and the books balance."""

    def turn() -> bool:
        for queue in (Queue.SUBMIT_HIGH, Queue.SUBMIT):
            world.runtime.schedule.put_back(queue)
            world.runtime.schedule.move_due(queue)
        sweep.sweep(world.runtime)
        ledger.check(world.runtime)
        for queue in (Queue.SUBMIT_HIGH, Queue.SUBMIT):
            submit.take(world.runtime, queue)
        return len(set(carrier.tags())) == len(ids)

    until(turn)
    assert number(world) == 0
    assert {world.status(one) for one in ids} == {Status.SUBMITTED}


@pytest.mark.parametrize(
    "gone",
    [
        keys.fresh(Queue.SUBMIT),
        keys.rounds(Queue.SUBMIT),
        keys.ready(Queue.SUBMIT),
        keys.outbox(Queue.SUBMIT),
        keys.taken(Queue.SUBMIT),
        str(Queue.SUBMIT),
    ],
)
def test_a_key_of_waiting_messages_that_was_deleted_costs_nothing(
    world: World, carrier: Carrier, gone: str
) -> None:
    ids = world.admit(5)
    world.redis.delete(gone)
    repaired(world, carrier, ids)


def test_messages_of_which_only_the_content_is_left_are_found(world: World, carrier: Carrier) -> None:
    ids = [*world.admit(2), *world.admit(1, priority=Priority.HIGH)]
    group = world.admit_group(3)
    for key in world.redis.keys("*"):
        if not key.startswith(("msg:", keys.accepted())):
            world.redis.delete(key)
    assert page(world).difference == 6
    leaders = [*ids, group[0]]

    def turn() -> bool:
        world.runtime.schedule.put_back(Queue.SUBMIT)
        submit.take(world.runtime, Queue.SUBMIT)
        return len(set(carrier.tags())) == len(leaders)

    until(turn)
    assert number(world) == 0


def test_a_retry_whose_schedule_was_deleted_is_on_the_books_and_found(world: World, carrier: Carrier) -> None:
    carrier.faults(next_statuses=[503])
    ids = world.admit(1)
    submit.take(world.runtime, Queue.SUBMIT)
    world.redis.delete(keys.schedule(Queue.SUBMIT), keys.ready(Queue.SUBMIT))
    assert page(world).standing.waiting == 1
    repaired(world, carrier, ids)


def test_a_content_that_was_deleted_is_missed_and_named(world: World) -> None:
    gone, there = world.admit(2)
    assert number(world) == 0
    world.redis.delete(keys.content(gone))
    assert page(world).difference == 1
    assert number(world) == 1
    found, _ = world.runtime.database.read(lambda sql: dead.page(sql, Letters(), after=None, limit=9))
    assert [(letter.subject, letter.error) for letter in found] == [(gone, "content lost")]
    assert world.redis.exists(keys.content(there)) == 1


def test_a_count_that_was_deleted_is_noticed(world: World) -> None:
    world.admit(2)
    assert number(world) == 0
    world.admit(3)
    world.redis.delete(keys.accepted())
    assert page(world).difference == -3, "more is there than was ever noted"
    world.admit(4)
    assert page(world).difference == -3, "the new count goes on beside the old one"


def test_when_redis_is_lost_wholly_what_it_held_alone_is_missed(world: World, carrier: Carrier) -> None:
    world.admit(3)
    submit.take(world.runtime, Queue.SUBMIT)
    world.admit(4)
    assert number(world) == 0
    world.redis.flushdb()
    line = page(world)
    assert (line.accepted, line.difference) == (7, 4)
    world.admit(2)
    submit.take(world.runtime, Queue.SUBMIT)
    line = page(world)
    assert (line.accepted, line.difference) == (9, 4)


def test_an_hour_that_balanced_is_not_counted_again(world: World) -> None:
    long_ago = round(time.time() * 1000) - 3 * 3600_000
    admit_all(world.settings, [new_message(id=new_id(long_ago))])
    submit.take(world.runtime, Queue.SUBMIT)
    (first,) = ledger.check(world.runtime)
    assert (first.accepted, first.difference) == (1, 0)
    assert ledger.check(world.runtime) == []
    kept = world.runtime.database.read(lambda sql: books.checks(sql, since=first.hour))
    assert [line.accepted for line in kept] == [1]


def test_books_and_lanes_are_compared_several_times_a_minute(world: World) -> None:
    sweep.sweep(world.runtime)
    for name in ("ledger", "lanes"):
        assert 0 < world.redis.pttl(keys.turn(name)) <= 20_000
    assert world.settings.sweep_every_s <= 5


def test_the_entry_of_the_books_names_hour_and_account() -> None:
    at_ms = 492_000 * 3600_000 + 5
    assert entry_of("acme", new_id(at_ms)) == "492000 acme"


def test_what_a_clock_that_is_behind_puts_into_an_hour_that_balanced_is_counted(
    world: World,
) -> None:
    hours_ago_ms = round(time.time() * 1000) - 2 * 3600_000
    for count in (1, 2):
        world.admit(id=new_id(hours_ago_ms))
        submit.take(world.runtime, Queue.SUBMIT)
        (line,) = ledger.check(world.runtime)
        assert line.accepted == count
        assert line.difference == 0
    assert ledger.check(world.runtime) == [], "it has balanced again"
