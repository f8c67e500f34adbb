"""Every open state has a deadline, and a sweep that ends it with a reason."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import pytest

from broker.domain.ids import new_id
from broker.domain.message import Direction, Part, PartState
from broker.domain.status import ENDS, Event, Status
from broker.services import roaming, sweep
from broker.storage import messages
from broker.storage.messages import Fresh
from tests.integration.workers.conftest import World, new_message

T = TypeVar("T")
OPEN = [status for status in Status if status not in ENDS]
INBOUND = {Status.RECEIVED, Status.FETCHING, Status.READY, Status.INCOMPLETE}
LINK = Part(index=1, url="http://127.0.0.1:9/a.gif")
SHORT: dict[str, Any] = {"arrival_s": 0.01, "confirm_s": 0.01, "unknown_hold_s": 0, "lease_s": 0.01}
"""Deadlines that a test can wait for."""


def until(question: Callable[[], T]) -> T:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        if answer := question():
            return answer
        time.sleep(0.02)
    raise AssertionError("waited in vain")


FIRST = {
    Status.SUBMITTING: Event.LOSE,
    Status.UNKNOWN: Event.RESEND,
    Status.SUBMITTED: Event.UNCONFIRM,
    Status.RELAYED: Event.UNCONFIRM,
    Status.RECEIVED: Event.READY,
    Status.FETCHING: Event.LOSE_PART,
    Status.READY: Event.GIVE_UP_FORWARD,
    Status.INCOMPLETE: Event.GIVE_UP_FORWARD,
}
"""What its deadline does to a message first; any other expires."""


def standing(world: World, status: Status, **changes: Any) -> str:
    """Record a message that nobody works on."""
    over = datetime.now(UTC) - timedelta(seconds=1)
    inbound = status in INBOUND
    message = new_message(
        id=new_id(),
        status=status,
        direction=Direction.IN if inbound else Direction.OUT,
        valid_until=over,
        attempts=1,
        connection="bandwidth-1",
        parts=(LINK,) if status in {Status.PREPARING, Status.FETCHING} else (),
        **changes,
    )
    world.runtime.database.write(lambda sql: messages.add(sql, [Fresh(message=message, event=None)]))
    return message.id


@pytest.mark.parametrize("status", OPEN)
def test_what_nobody_works_on_comes_to_an_end_that_says_why(
    open_world: Callable[..., World], status: Status
) -> None:
    world = open_world(**SHORT)
    one = standing(world, status)

    def ended() -> bool:
        sweep.sweep(world.runtime)
        return world.status(one) in ENDS

    until(ended)
    record = world.record(one)
    first = next(one.type for one in record.events if one.type != Event.ADMIT)
    assert first == FIRST.get(status, Event.EXPIRE)
    assert record.events[-1].status == record.message.status
    assert record.events[-1].detail


def test_media_that_never_came_is_lost_when_its_time_is_over(open_world: Callable[..., World]) -> None:
    world = open_world(**{**SHORT, "arrival_s": 3600})
    one = standing(world, Status.FETCHING)
    sweep.sweep(world.runtime)
    message = world.record(one).message
    assert message.status is Status.INCOMPLETE
    assert [part.state for part in message.parts] == [PartState.LOST]


def test_however_much_waits_what_is_behind_it_ends(open_world: Callable[..., World]) -> None:
    world = open_world(**SHORT)
    now_ms = world.runtime.ready.now_ms()
    waiting = [
        Fresh(message=new_message(id=new_id(), status=Status.QUEUED), event=None, due_at=now_ms - 5000)
        for _ in range(40)
    ]
    lost = new_message(id=new_id(), status=Status.SUBMITTED)
    world.runtime.database.write(
        lambda sql: messages.add(sql, [*waiting, Fresh(message=lost, event=None, due_at=now_ms)])
    )
    seen: list[str] = []
    for _ in range(5):  # each may look at ten of them
        roaming.roam(world.runtime, seen.extend, now_ms=now_ms, page=5, pages=2)
    assert lost.id in seen
    assert len(set(seen)) == 41
    roaming.roam(world.runtime, seen.extend, now_ms=now_ms, page=5, pages=2)
    assert len(seen) > 41, "and begins anew"


def test_what_only_waits_is_not_loaded_while_the_lists_are_crowded(open_world: Callable[..., World]) -> None:
    world = open_world(**SHORT)
    now_ms = world.runtime.ready.now_ms()
    waiting = new_message(id=new_id(), status=Status.QUEUED)
    over = new_message(
        id=new_id(), status=Status.QUEUED, valid_until=datetime.now(UTC) - timedelta(seconds=1)
    )
    world.runtime.database.write(
        lambda sql: messages.add(sql, [Fresh(message=one, event=None, due_at=1) for one in (waiting, over)])
    )
    for queue in ("submit", "submit.high"):
        world.redis.lpush(f"ready:{queue}", *map(str, range(roaming.CROWD)))
    seen: list[str] = []
    roaming.roam(world.runtime, seen.extend, now_ms=now_ms)
    assert seen == [over.id]
