"""Failover: what its route's first connection certainly does not have goes by the second, and nothing else does."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from broker.dispatch import Queue
from broker.domain.status import Status
from broker.keyspace.circuits import OPENS_AFTER
from broker.services import events, submit, sweep
from broker.storage import accounts, provision
from tests.integration.workers.carrier import Carrier, until
from tests.integration.workers.conftest import World
from tests.integration.workers.test_events import arrive, delivered

FIRST, SECOND = "bandwidth-1", "bandwidth-2"
SENDER = "+12025550150"


@pytest.fixture(scope="session")
def running_backup() -> Iterator[Carrier]:
    """Another carrier, for the session."""
    one = Carrier()
    yield one
    one.close()


@pytest.fixture
def backup(running_backup: Carrier) -> Carrier:
    """The carrier behind the second connection."""
    running_backup.clear()
    return running_backup


@pytest.fixture
def both(world: World, backup: Carrier) -> World:
    """A world in which the account's route has two connections."""
    provide(world, backup)
    return world


def provide(world: World, backup: Carrier, **changes: Any) -> None:
    """Provision the second connection and the route; `changes` are of the connection."""
    route = {"account": "acme", "sender": SENDER, "connection": FIRST, "fallback": SECOND}
    document: dict[str, Any] = {
        "connections": [{**backup.connection(), "name": SECOND, **changes}],
        "routes": [route],
    }
    secret_key = world.settings.secret_key.get_secret_value()
    world.runtime.database.write(lambda sql: provision.apply(sql, document, secret_key=secret_key))
    world.runtime.directory.forget()


def take(world: World) -> None:
    world.runtime.schedule.move_due(Queue.SUBMIT)
    submit.take(world.runtime, Queue.SUBMIT)


def take_until(world: World, one: str, status: Status) -> None:
    """Sweep and take, as workers and the scheduler do."""

    def stands() -> bool:
        sweep.sweep(world.runtime)
        world.release()
        take(world)
        return world.status(one) is status

    until(stands)


def went(world: World, message_id: str) -> list[tuple[str, str]]:
    """Return the attempts of a message: the connection of each, and its outcome."""
    return [(one.connection, one.outcome) for one in world.record(message_id).attempts]


def break_it(world: World, connection: str = FIRST) -> None:
    """Open the circuit of a connection."""
    world.runtime.breakers.failed(connection, OPENS_AFTER, probe=False)


def hold_it(world: World) -> None:
    """Hold the first connection, as refused credentials do."""
    world.runtime.database.write(lambda sql: accounts.hold(sql, FIRST, now_ms=10**15, reason="401"))
    world.runtime.directory.forget()


def pause_it(world: World) -> None:
    """Pause the first connection, as a person does."""
    world.runtime.database.write(lambda sql: accounts.pause(sql, FIRST, now_ms=1, reason="works"))
    world.runtime.directory.forget()


@pytest.mark.parametrize("away", [break_it, hold_it, pause_it])
def test_while_the_first_may_not_be_used_messages_go_by_the_second(
    both: World, carrier: Carrier, backup: Carrier, away: Callable[[World], None]
) -> None:
    away(both)
    ids = both.admit(3)
    take(both)
    assert {both.status(one) for one in ids} == {Status.SUBMITTED}
    assert went(both, ids[0]) == [(SECOND, "sent")]
    assert both.record(ids[0]).message.connection == SECOND
    assert carrier.asked() == 0
    assert sorted(backup.tags()) == sorted(f"{one}.1" for one in ids)


def test_what_waited_in_a_lane_of_the_first_goes_by_the_second_while_the_first_is_away(
    world: World, carrier: Carrier, backup: Carrier
) -> None:
    pause_it(world)
    waiting = world.admit(3)
    (named,) = world.admit(connection=FIRST, pinned=True)
    take(world)
    assert {world.status(one) for one in waiting} == {Status.QUEUED}
    provide(world, backup)
    for one in waiting:
        take_until(world, one, Status.SUBMITTED)
    assert {attempt for one in waiting for attempt in went(world, one)} == {(SECOND, "sent")}
    assert world.status(named) is Status.QUEUED
    world.runtime.database.write(lambda sql: accounts.resume(sql, FIRST))
    world.runtime.directory.forget()
    take_until(world, named, Status.SUBMITTED)
    assert len(backup.tags()) == 3
    assert len(carrier.tags()) == 1


def test_what_must_wait_for_a_slot_of_the_second_waits_in_its_lane(
    world: World, carrier: Carrier, backup: Carrier
) -> None:
    provide(world, backup, sender_mps=1)
    pause_it(world)
    ids = world.admit(3)
    take(world)
    assert {world.status(one) for one in ids} == {Status.QUEUED}
    assert {world.record(one).message.connection for one in ids} == {SECOND}
    assert world.runtime.lanes.depths([(SECOND, SENDER), (FIRST, SENDER)]) == [3, 0]
    for one in ids:
        take_until(world, one, Status.SUBMITTED)
    assert carrier.asked() == 0


def test_while_neither_may_be_used_a_message_waits_and_costs_no_attempt(
    both: World, carrier: Carrier, backup: Carrier
) -> None:
    break_it(both)
    break_it(both, SECOND)
    (one,) = both.admit()
    take(both)
    assert both.status(one) is Status.QUEUED
    take_until(both, one, Status.SUBMITTED)
    assert len(went(both, one)) == 1


@pytest.mark.parametrize("status", [503, 429])
def test_what_the_first_certainly_did_not_take_goes_by_the_second_at_once(
    open_world: Callable[..., World], carrier: Carrier, backup: Carrier, status: int
) -> None:
    world = open_world(retry_first_s=3600, retry_longest_s=3600)
    provide(world, backup)
    carrier.faults(next_statuses=[status])
    (one,) = world.admit()
    take(world)
    assert world.status(one) is Status.RETRYING
    take_until(world, one, Status.SUBMITTED)
    assert went(world, one) == [(FIRST, "not_sent"), (SECOND, "sent")]
    assert backup.tags() == [f"{one}.2"]
    assert not world.record(one).message.possible_duplicate


def test_what_neither_took_is_tried_by_turns(both: World, carrier: Carrier, backup: Carrier) -> None:
    carrier.faults(next_statuses=[503])
    backup.faults(next_statuses=[503])
    (one,) = both.admit()
    take_until(both, one, Status.SUBMITTED)
    assert went(both, one) == [(FIRST, "not_sent"), (SECOND, "not_sent"), (FIRST, "sent")]


def test_after_a_refusal_it_goes_nowhere(both: World, carrier: Carrier, backup: Carrier) -> None:
    carrier.faults(next_statuses=[400])
    (one,) = both.admit()
    take(both)
    take(both)
    assert both.status(one) is Status.REJECTED
    assert backup.asked() == 0


def test_after_a_lost_answer_it_never_goes_by_the_second_however_long_the_first_is_away(
    both: World, carrier: Carrier, backup: Carrier
) -> None:
    carrier.faults(accept_then_drop=1)
    (one,) = both.admit()
    take(both)
    assert both.status(one) is Status.UNKNOWN
    carrier.faults(errors={"503": 1})
    take_until(both, one, Status.RETRYING)
    until(lambda: sweep.sweep(both.runtime) or take(both) or len(went(both, one)) == 3)
    break_it(both)
    for _ in range(5):
        sweep.sweep(both.runtime)
        take(both)
    assert both.status(one) is Status.RETRYING
    carrier.faults()
    take_until(both, one, Status.SUBMITTED)
    assert {connection for connection, _ in went(both, one)} == {FIRST}
    assert backup.asked() == 0
    assert both.record(one).message.possible_duplicate


def test_after_an_answer_that_the_second_lost_it_stays_with_the_second(
    both: World, carrier: Carrier, backup: Carrier
) -> None:
    break_it(both)
    backup.faults(accept_then_drop=1)
    (one,) = both.admit()
    take(both)
    assert both.status(one) is Status.UNKNOWN
    both.runtime.breakers.worked(FIRST)
    backup.faults()
    take_until(both, one, Status.SUBMITTED)
    assert went(both, one) == [(SECOND, "unknown"), (SECOND, "sent")]
    assert carrier.asked() == 0


def test_once_the_first_showed_that_it_has_it_the_message_goes_nowhere_else(
    both: World, carrier: Carrier, backup: Carrier
) -> None:
    carrier.faults(next_statuses=[503])
    (one,) = both.admit()
    take(both)
    arrive(both.settings, delivered(one))  # it took it all the same
    events.take(both.runtime)
    take(both)
    assert both.status(one) is Status.DELIVERED
    assert backup.asked() == 0


def test_a_sender_that_the_second_may_not_carry_waits_for_the_first(
    world: World, carrier: Carrier, backup: Carrier
) -> None:
    provide(world, backup, senders=["+12025550199"])
    break_it(world)
    (one,) = world.admit()
    take(world)
    assert world.status(one) is Status.QUEUED
    assert backup.asked() == 0


def test_a_message_whose_customer_named_its_connection_waits_for_it(
    both: World, carrier: Carrier, backup: Carrier
) -> None:
    break_it(both)
    (one,) = both.admit(connection=FIRST, pinned=True)
    take(both)
    take_until(both, one, Status.SUBMITTED)
    assert went(both, one) == [(FIRST, "sent")]
    assert backup.asked() == 0


def test_a_group_goes_by_the_second_whole(both: World, carrier: Carrier, backup: Carrier) -> None:
    carrier.faults(next_statuses=[503])
    ids = both.admit_group(3)
    take_until(both, ids[0], Status.SUBMITTED)
    assert {both.status(one) for one in ids} == {Status.SUBMITTED}
    assert backup.tags() == [f"{both.record(ids[0]).message.batch}.2"]


def test_a_group_of_which_the_first_has_anything_does_not_go_by_the_second(
    both: World, carrier: Carrier, backup: Carrier
) -> None:
    carrier.faults(next_statuses=[503])
    ids = both.admit_group(3)
    take(both)
    arrive(both.settings, delivered(both.record(ids[0]).message.batch or "", to="+12025550101"))
    events.take(both.runtime)
    assert both.status(ids[1]) is Status.DELIVERED
    assert {both.status(one) for one in ids} == {Status.DELIVERED, Status.SUBMITTED}
    sweep.sweep(both.runtime)
    take(both)
    assert backup.asked() == 0
    assert went(both, ids[0]) == [(FIRST, "not_sent")]


def test_the_events_of_both_connections_find_their_message(
    both: World, carrier: Carrier, backup: Carrier
) -> None:
    carrier.faults(next_statuses=[503])
    (one,) = both.admit()
    take_until(both, one, Status.SUBMITTED)
    arrive(both.settings, delivered(one, attempt=2), connection=SECOND)
    events.take(both.runtime)
    assert both.status(one) is Status.DELIVERED
    assert not both.record(one).message.possible_duplicate
    arrive(both.settings, delivered(one, attempt=1), connection=FIRST)
    events.take(both.runtime)
    happened = [event.type for event in both.record(one).events]
    assert happened.count("deliver") == 2, "the first had it too, against its word"
    assert both.record(one).message.possible_duplicate


def test_evidence_of_the_first_stops_what_waits_for_the_next_try(
    open_world: Callable[..., World], carrier: Carrier, backup: Carrier
) -> None:
    world = open_world(retry_first_s=3600, retry_longest_s=3600)
    provide(world, backup)
    carrier.faults(next_statuses=[503])
    backup.faults(next_statuses=[503])
    (one,) = world.admit()
    take(world)
    until(lambda: take(world) or len(went(world, one)) == 2)
    assert world.record(one).message.connection == SECOND
    arrive(world.settings, delivered(one, attempt=1), connection=FIRST)
    events.take(world.runtime)
    assert world.status(one) is Status.DELIVERED


def test_a_connection_that_never_had_a_message_cannot_speak_of_it(
    both: World, carrier: Carrier, backup: Carrier
) -> None:
    (one,) = both.admit()
    take(both)
    for attempt in (1, 2):
        arrive(both.settings, delivered(one, attempt=attempt), connection=SECOND)
        events.take(both.runtime)
    assert both.status(one) is Status.SUBMITTED
    assert "deliver" not in {event.type for event in both.record(one).events}


def test_a_failure_that_the_first_reports_late_does_not_end_what_the_second_has(
    both: World, carrier: Carrier, backup: Carrier
) -> None:
    carrier.faults(next_statuses=[503])
    (one,) = both.admit()
    take_until(both, one, Status.SUBMITTED)
    arrive(both.settings, delivered(one, attempt=1, failed=4720), connection=FIRST)
    events.take(both.runtime)
    assert both.status(one) is Status.SUBMITTED


def test_a_message_that_the_second_cannot_take_waits_for_the_first(
    both: World, carrier: Carrier, backup: Carrier
) -> None:
    break_it(both)
    (one,) = both.admit(text="x" * 2049)
    take(both)
    assert both.status(one) is Status.QUEUED
    assert backup.asked() == 0
