"""Messages are counted within bounds however many there are, and in the end as SQL counts them all."""

import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import event

from broker.domain.ids import id_after, made_at, new_id
from broker.domain.status import Event
from broker.services.stocktaking import Stock, Stocktaking
from broker.storage import browsing, messages
from broker.storage.database import Database, Sql
from broker.storage.messages import Fresh
from tests.factories import NOW_MS, make_message, make_move

START = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=10)
LIVE, PIECE, GROWTH, AGAIN = 6, 4, 3, 1
WHOLE = 200


def at(place: float) -> datetime:
    """Return a moment, by minutes."""
    return START + timedelta(minutes=place)


def put(database: Database, places: Sequence[float]) -> list[str]:
    """Put in messages in flight that were made at some minutes."""
    made = [make_message(id=new_id(round(at(one).timestamp() * 1000)), created_at=at(one)) for one in places]
    fresh = [Fresh(message=one, event=Event.CLAIM, due_at=NOW_MS) for one in made]
    database.write(lambda sql: messages.add(sql, fresh))
    return [one.id for one in made]


def refuse(database: Database, ids: Sequence[str]) -> None:
    """Have messages end."""
    database.write(lambda sql: messages.move(sql, [make_move(one, Event.REFUSE) for one in ids]))


class Looking:
    """Looks again and again, a second later each time."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.stocktaking = Stocktaking(live=LIVE, piece=PIECE, growth=GROWTH, again=AGAIN)
        self.now = datetime.now(UTC)

    def look(self, since: datetime | None = None) -> Stock:
        """Look once."""
        self.now += timedelta(seconds=1)
        return self.database.read(lambda sql: self.stocktaking.take(sql, since, self.now))

    def whole(self, since: datetime | None = None) -> Stock:
        """Look until nothing is left to count."""
        for _ in range(WHOLE):
            found = self.look(since)
            if found.back_to is None:
                return found
        raise AssertionError("it never ends")

    def truth(self, since: datetime | None = None) -> object:
        """What SQL says."""
        return self.database.read(lambda sql: browsing.counts(sql, since))


@pytest.fixture
def looking(database: Database) -> Looking:
    """Somebody who looks."""
    return Looking(database)


def test_what_is_little_is_counted_at_each_look_as_it_stands(database: Database, looking: Looking) -> None:
    assert looking.look() == Stock(counts={})
    ids = put(database, range(LIVE - 1))
    assert looking.look() == Stock(counts=looking.truth())  # type: ignore[arg-type]
    refuse(database, ids)
    assert looking.look() == Stock(counts=looking.truth())  # type: ignore[arg-type]


def test_what_is_much_is_counted_bit_by_bit_and_each_look_says_how_far_it_came(
    database: Database, looking: Looking
) -> None:
    ids = put(database, range(40))
    reached = []
    while True:
        found = looking.look()
        reached.append(sum(found.counts.values()))
        if found.back_to is None:
            break
        assert found.back_to == made_at(ids[40 - reached[-1]])
    assert reached == [LIVE + GROWTH * PIECE, LIVE + 2 * GROWTH * PIECE, 40]
    assert found.counts == looking.truth()


def test_a_look_runs_no_more_statements_than_its_bounds_allow(database: Database, looking: Looking) -> None:
    put(database, range(60))
    for since in (None, at(30.5), None, at(2.5), None, None):
        looking.now += timedelta(seconds=1)
        statements: list[str] = []

        def job(sql: Sql, since: datetime | None = since, seen: list[str] = statements) -> None:
            event.listen(sql, "before_cursor_execute", lambda _, __, said, *___: seen.append(said))
            looking.stocktaking.take(sql, since, looking.now)

        database.read(job)
        assert all("LIMIT" in one for one in statements)
        assert 1 <= len(statements) <= 1 + 1 + GROWTH + 2 * AGAIN + 1
    assert looking.whole().counts == looking.truth()


def test_what_changes_among_the_old_shows_after_some_looks_and_until_then_the_page_can_say_so(
    database: Database, looking: Looking
) -> None:
    ids = put(database, range(30))
    first = looking.whole()
    assert first.counts == looking.truth()
    refuse(database, ids[:2])
    found = looking.look()
    assert found.as_of is not None
    assert found.as_of < looking.now
    for _ in range(10):
        found = looking.look()
    assert found.counts == looking.truth()


def test_the_newest_are_always_as_they_stand_now(database: Database, looking: Looking) -> None:
    ids = put(database, range(30))
    looking.whole()
    refuse(database, ids[-LIVE:])
    assert looking.look().counts == looking.truth()


def test_a_window_counts_nothing_that_was_made_before_it(database: Database, looking: Looking) -> None:
    put(database, range(50))
    for minute in (49.5, 45, 43.5, 30, 21.5, 10, 0.5, 0):
        found = looking.whole(at(minute))
        assert found.counts == looking.truth(at(minute)), minute
    looking.whole()
    for minute in (47, 41.5, 38, 37, 36.5, 1, 0, -5):
        found = looking.look(at(minute))
        assert (found.counts, found.back_to) == (looking.truth(at(minute)), None), minute


def test_what_came_since_the_last_look_is_counted_beside_what_is_remembered(
    database: Database, looking: Looking
) -> None:
    put(database, range(20))
    looking.whole()
    for first in (20, 23, 29, 36):
        put(database, [first + number for number in range(7)])
        found = looking.look()
        assert (found.counts, found.back_to) == (looking.truth(), None)


def test_after_a_long_time_nobody_looked_the_newest_are_counted_first(
    database: Database, looking: Looking
) -> None:
    put(database, range(20))
    looking.whole()
    ids = put(database, range(20, 20 + LIVE + GROWTH * PIECE))
    found = looking.look()
    assert (sum(found.counts.values()), found.back_to) == (LIVE, made_at(ids[-LIVE]))
    assert looking.whole().counts == looking.truth()


def test_messages_that_are_recorded_long_after_they_were_made_are_found(
    database: Database, looking: Looking
) -> None:
    put(database, range(30))
    looking.whole()
    put(database, [10 + number / 100 for number in range(50)])
    for _ in range(30):
        found = looking.look()
    assert (found.counts, found.back_to) == (looking.truth(), None)
    assert looking.look(at(12)).counts == looking.truth(at(12))


def test_whatever_comes_and_goes_in_whatever_order_in_the_end_it_is_as_sql_says(
    database: Database, looking: Looking
) -> None:
    chance = random.Random(7)
    ids = put(database, range(10))
    for turn in range(40):
        if chance.random() < 0.5:
            ids += put(database, [chance.choice((10 + turn, chance.random() * 10)) for _ in range(9)])
        refuse(database, chance.sample(ids, 3))
        looking.look(chance.choice((None, at(chance.random() * 50), at(5))))
    for _ in range(60):
        found = looking.look()
    assert (found.counts, found.back_to) == (looking.truth(), None)


def test_the_id_after_another_is_the_next_one() -> None:
    assert id_after("0190a000-0000-7000-8000-0000000000ff") == "0190a000-0000-7000-8000-000000000100"
    assert id_after("0190a000-0000-7000-8fff-ffffffffffff") == "0190a000-0000-7000-9000-000000000000"
