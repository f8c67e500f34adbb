"""Charts: minutes put together to the steps of a window, from what is on record."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import event

from broker.services.charts import LIVE, STEPS, Charts, Point
from broker.storage import minutes
from broker.storage.database import Database, Sql
from broker.storage.minutes import MINUTE, Count
from tests.integration.storage.test_flowing import send

NOW = datetime(2026, 11, 21, 12, 34, 30, tzinfo=UTC)
THIS = NOW.replace(second=0)


def brought(made: int, *, bad: int = 0, step: int = 30) -> Count:
    """Return what a minute brought."""
    return Count(made=made, sent=made, good=made - bad, bad=bad, waits={step: made})


def take(database: Database, window: str, *, depth: int = 0, now: datetime = NOW) -> Sequence[Point]:
    """Return the steps of a window."""
    waiting = {"submit": depth}
    return database.read(lambda sql: Charts().take(sql, window, now, names=["b-1"], depth=waiting))


@pytest.mark.parametrize("window", [*STEPS, "all"])
def test_every_window_has_its_steps_without_gaps_and_ends_now(database: Database, window: str) -> None:
    points = take(database, window, depth=7)
    step, number = STEPS.get(window, STEPS["7d"])
    assert [one.until - one.at for one in points] == [step] * number
    assert [one.at for one in points[1:]] == [one.until for one in points[:-1]]
    assert points[-1].at <= NOW < points[-1].until
    assert points[-1].depth == {"submit": 7}
    assert (points[-1].made, points[0].depth) == (0, None)


def test_minutes_are_added_up_and_of_depths_the_most_counts(database: Database) -> None:
    first, second, third = THIS - 100 * MINUTE, THIS - 99 * MINUTE, THIS - 80 * MINUTE

    def job(sql: object) -> None:
        minutes.note(
            sql, {first: brought(90, step=10), second: brought(10, bad=4, step=60), third: brought(1)}
        )  # type: ignore[arg-type]
        minutes.see(sql, first, {"submit": 5, "media": 1})  # type: ignore[arg-type]
        minutes.see(sql, second, {"submit": 3, "media": 2})  # type: ignore[arg-type]

    database.write(job)
    (one,) = [point for point in take(database, "6h") if point.at <= first < point.until]
    assert (one.made, one.sent, one.good, one.bad) == (100, 100, 96, 4)
    assert one.depth == {"submit": 5, "media": 2}
    assert one.latency is not None
    assert one.latency.number == 100
    assert one.latency.p50 < one.latency.p95 == one.latency.p99
    assert sum(point.made or 0 for point in take(database, "7d")) == 101
    assert [point.made for point in take(database, "1h") if point.made] == []


def test_what_nobody_counted_is_not_nought_and_the_last_minutes_are_counted_now(database: Database) -> None:
    database.write(lambda sql: [send(sql, THIS - ago * MINUTE, 1) for ago in (0, 5, LIVE + 5)])
    points = take(database, "1h")
    made = {point.at: point.made for point in points}
    assert sum(number or 0 for number in made.values()) == 2
    assert made[points[0].at] is None
    database.write(lambda sql: minutes.note(sql, {THIS - 5 * MINUTE: brought(50)}))
    assert sum(point.made or 0 for point in take(database, "1h")) == 51, "what is on record is believed"


def test_where_no_scheduler_counts_a_minute_that_is_over_is_counted_now_and_then_and_not_at_each_look(
    database: Database,
) -> None:
    at = THIS - 5 * MINUTE
    charts, seen = Charts(), []

    def look(now: datetime) -> int:
        def job(sql: Sql) -> Sequence[Point]:
            event.listen(sql, "before_cursor_execute", lambda _, __, statement, *___: seen.append(statement))
            return charts.take(sql, "1h", now, names=["b-1"], depth={})

        seen.clear()
        points = database.read(job)
        return sum(point.made or 0 for point in points)

    def send_one() -> None:
        database.write(lambda sql: send(sql, at, 1))

    send_one()
    assert look(NOW) == 1
    first = len(seen)
    send_one()
    assert look(NOW + timedelta(seconds=20)) == 1, "it was remembered"
    assert len(seen) < first / 4, "this minute and the last"
    assert look(NOW + MINUTE) == 2, "more came of it"
    assert look(NOW + 6 * MINUTE) == 2
    assert look(NOW + 12 * MINUTE) == 2
    send_one()
    assert look(NOW + 14 * MINUTE) == 2, "by then it is final"
    assert look(NOW + timedelta(days=1)) == 0


def test_what_is_on_record_outlives_who_wrote_it(database_url: str) -> None:
    yesterday = THIS - timedelta(days=1) + 30 * MINUTE
    writer = Database(database_url)
    writer.write(lambda sql: minutes.note(sql, {yesterday: brought(12)}))
    writer.write(lambda sql: minutes.see(sql, yesterday, {"submit": 4}))
    writer.close()
    reader = Database(database_url)
    (one,) = [point for point in take(reader, "24h") if point.made]
    reader.close()
    assert (one.made, one.depth) == (12, {"submit": 4})


@pytest.mark.parametrize("window", [*STEPS, "all"])
def test_a_minute_that_began_while_the_view_was_made_waits_for_the_next_view(
    database: Database, window: str
) -> None:
    def job(sql: Sql) -> None:
        minutes.see(sql, THIS + MINUTE, {"submit": 70})
        minutes.note(sql, {THIS + MINUTE: brought(9), THIS + 400 * MINUTE: brought(9)})

    database.write(job)
    last = take(database, window, depth=7)[-1]
    assert (last.made, last.depth) == (0, {"submit": 7})
