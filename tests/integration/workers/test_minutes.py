"""What the scheduler notes of each minute."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from broker.domain.ids import new_id
from broker.domain.status import Event
from broker.keyspace.client import open_sync
from broker.storage import messages, minutes, submissions
from broker.storage.messages import Fresh
from broker.storage.minutes import KEPT, MINUTE, Minute
from broker.storage.submissions import Ended
from tests.factories import NOW_MS, make_message, make_move
from tests.integration.workers.conftest import World
from workers.minutes import BACK, Minutes

NOW = datetime.now(UTC).replace(second=30, microsecond=0)
THIS = NOW.replace(second=0)


def make(world: World, at: datetime, *ends: Event, took_s: float = 0.5) -> str:
    """Put in a message of a moment, which its carrier took, and what became of it."""
    one = make_message(id=new_id(round(at.timestamp() * 1000)), created_at=at)
    later = at + timedelta(seconds=took_s)
    ended = Ended(message_id=one.id, number=1, at=later, outcome="sent")

    def job(sql: object) -> None:
        messages.add(sql, [Fresh(message=one, event=Event.CLAIM, due_at=NOW_MS, connection="bandwidth-1")])  # type: ignore[arg-type]
        submissions.begin(sql, [(one.id, 1, "bandwidth-1")], at=at)  # type: ignore[arg-type]
        submissions.end(sql, [ended])  # type: ignore[arg-type]
        messages.move(sql, [make_move(one.id, end, at=later) for end in (Event.RECEIPT, *ends)])  # type: ignore[arg-type]

    world.runtime.database.write(job)
    return one.id


def look(world: World, at: datetime, *, leads: bool = True, one: Minutes | None = None) -> list[Minute]:
    """Note once, and return what is known."""
    with open_sync(world.settings.redis_url, world.settings) as client:
        (one or Minutes(world.runtime.database, client, leads=lambda: leads)).look(at)
    return world.runtime.database.read(lambda sql: minutes.since(sql, at - timedelta(days=30)))


def brought(found: list[Minute], at: datetime) -> tuple[int, int, int, int]:
    """Return what a minute brought: made, sent, good, bad."""
    (count,) = [one.count for one in found if one.at == at and one.count]
    return count.made, count.sent, count.good, count.bad


def test_a_minute_is_kept_with_what_it_brought_and_what_waited(world: World) -> None:
    world.admit(3)
    for ends in ((Event.DELIVER,), (Event.DELIVER,), (Event.MISS,), ()):
        make(world, THIS - MINUTE, *ends)
    make(world, THIS - MINUTE + timedelta(seconds=59.8))
    found = look(world, NOW)
    assert brought(found, THIS - MINUTE) == (5, 4, 2, 1)
    assert brought(found, THIS - 2 * MINUTE) == (0, 0, 0, 0)
    (now,) = [one for one in found if one.at == THIS]
    assert (now.count, (now.depth or {})["submit"]) == (None, 3)
    assert len(found) == BACK + 1


def test_what_became_of_messages_later_shows(world: World) -> None:
    name = make(world, THIS - MINUTE)
    assert brought(look(world, NOW), THIS - MINUTE) == (1, 1, 0, 0)
    world.runtime.database.write(lambda sql: messages.move(sql, [make_move(name, Event.DELIVER)]))
    assert brought(look(world, NOW + MINUTE), THIS - MINUTE) == (1, 1, 0, 0), "it is not counted each minute"
    assert brought(look(world, NOW + 9 * MINUTE), THIS - MINUTE) == (1, 1, 1, 0)


def test_minutes_that_nobody_counted_are_counted_by_who_leads_next(world: World) -> None:
    make(world, THIS - 5 * MINUTE)
    assert [one.count for one in look(world, NOW, leads=False)] == [None], (
        "a standby only shows that it writes"
    )
    assert brought(look(world, NOW), THIS - 5 * MINUTE) == (1, 1, 0, 0)


def test_old_minutes_are_forgotten(world: World) -> None:
    look(world, NOW - KEPT - 3 * MINUTE, leads=False)
    assert [one.at for one in look(world, NOW - 2 * MINUTE, leads=False)] == [THIS - 2 * MINUTE]


@pytest.mark.parametrize("times", [1, 3])
def test_a_minute_is_noted_as_often_as_one_likes(world: World, times: int) -> None:
    world.admit(1)
    for _ in range(times):
        found = look(world, NOW)
    assert len(found) == BACK + 1


def test_what_cannot_be_counted_does_not_say_that_sql_takes_nothing(world: World) -> None:
    def name_it(old: str, new: str) -> None:
        world.runtime.database.write(lambda sql: sql.execute(text(f"ALTER TABLE {old} RENAME TO {new}")))

    with open_sync(world.settings.redis_url, world.settings) as client:
        one = Minutes(world.runtime.database, client, leads=lambda: True)
        name_it("submissions", "elsewhere")
        try:
            assert [each.count for each in look(world, NOW, one=one)] == [None]
            assert one.served
        finally:
            name_it("elsewhere", "submissions")
        assert brought(look(world, NOW, one=one), THIS - MINUTE) == (0, 0, 0, 0), (
            "it is counted the next time"
        )
