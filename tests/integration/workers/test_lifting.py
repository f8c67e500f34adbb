"""A stop that has an end is over by itself then, whoever runs; a person's word counts as long as it stands."""

import time
from collections.abc import Callable

import pytest

from broker.dispatch import Queue
from broker.domain.deed import DeedQuery, Door, Noted
from broker.domain.status import Status
from broker.domain.usage import Stop, Usage
from broker.services import submit, sweep
from broker.storage import accounts, audit
from tests.integration.workers.carrier import Carrier, until
from tests.integration.workers.conftest import World

NAME = "bandwidth-1"


def stop(
    world: World, *, ends_in_s: float | None, how: Stop = Stop.PAUSE, reason: str = "oscar: they work on it"
) -> None:
    """Stop the connection as an operator does."""
    now_ms = world.runtime.ready.now_ms()
    until_ms = None if ends_in_s is None else now_ms + round(ends_in_s * 1000)
    world.runtime.database.write(
        lambda sql: accounts.pause(sql, NAME, now_ms=now_ms, reason=reason, how=how, until_ms=until_ms)
    )
    world.runtime.directory.forget()


def standing(world: World) -> Usage:
    (one,) = [one for one in world.runtime.database.read(accounts.usages) if one.name == NAME]
    return one


def noted(world: World) -> list[Noted]:
    return list(world.runtime.database.read(lambda sql: audit.page(sql, DeedQuery())[0]))


@pytest.mark.parametrize("how", list(Stop))
def test_a_stop_ends_at_its_time_also_for_a_worker_that_began_later_and_the_audit_names_the_clock(
    world: World, carrier: Carrier, how: Stop
) -> None:
    stop(world, ends_in_s=0.5, how=how)
    (name,) = world.admit()
    submit.take(world.runtime, Queue.SUBMIT)
    sweep.sweep(world.runtime)
    assert (standing(world).stop, noted(world)) == (how, [])
    later = World(world.settings)
    try:
        until(lambda: sweep.sweep(later.runtime) or standing(later).stop is None)
        over = standing(later)
        assert (over.paused_at, over.paused_reason, over.paused_until) == (None, "", None)
        (deed,) = noted(later)
        assert (deed.operator, deed.door, deed.action) == ("the clock", Door.CLOCK, "connections resume")
        assert (deed.subject, deed.details["stop"]) == (NAME, how)

        def sent() -> bool:
            later.release()
            submit.take(later.runtime, Queue.SUBMIT)
            return later.status(name) is Status.SUBMITTED

        until(sent)
        sweep.sweep(later.runtime)
        assert len(noted(later)) == 1
    finally:
        later.close()


def test_a_stop_without_an_end_and_one_with_a_later_one_stand(world: World) -> None:
    stop(world, ends_in_s=0.01)
    stop(world, ends_in_s=None)
    time.sleep(0.05)
    sweep.sweep(world.runtime)
    assert standing(world).stop is Stop.PAUSE
    stop(world, ends_in_s=600)
    sweep.sweep(world.runtime)
    assert standing(world).stop is Stop.PAUSE
    assert noted(world) == []


def test_what_a_person_says_in_between_is_not_undone(world: World) -> None:
    stop(world, ends_in_s=-1)
    before = standing(world)
    stop(world, ends_in_s=600)
    assert not world.runtime.database.write(lambda sql: accounts.lift(sql, before))
    assert standing(world).stop is Stop.PAUSE


def test_a_hold_for_bad_credentials_is_not_lifted_with_it(open_world: Callable[..., World]) -> None:
    world = open_world(hold_s=600)
    now_ms = world.runtime.ready.now_ms()
    world.runtime.database.write(lambda sql: accounts.hold(sql, NAME, now_ms=now_ms, reason="401"))
    stop(world, ends_in_s=-1)
    sweep.sweep(world.runtime)
    assert (standing(world).stop, standing(world).held_reason) == (None, "401")
