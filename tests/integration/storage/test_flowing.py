"""What operators are told of how messages flow, on both databases, and what it costs to know."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import insert

from broker.domain.ids import new_id
from broker.domain.status import Event, Status
from broker.services.pulse import Pulse
from broker.storage import flowing, messages, submissions, tables
from broker.storage.database import Database, Sql
from broker.storage.flowing import MOST, SAMPLE, Flow
from broker.storage.messages import Fresh
from broker.storage.submissions import Ended
from tests.factories import NOW_MS, make_message, make_move
from tests.integration.storage.test_plans import plans_of

GOOD, BAD = (Status.DELIVERED,), (Status.REJECTED,)
NOW = datetime.now(UTC).replace(second=30, microsecond=0)
MINUTE = timedelta(minutes=1)


def send(
    sql: Sql,
    at: datetime,
    took_s: float,
    *,
    outcome: str = "sent",
    name: str = "b-1",
    end: Event | None = None,
    send_at: datetime | None = None,
) -> None:
    """Put in a message of a moment, whose attempt took so long from then on."""
    one = make_message(id=new_id(round(at.timestamp() * 1000)), created_at=at, send_at=send_at)
    messages.add(sql, [Fresh(message=one, event=Event.CLAIM, due_at=NOW_MS, connection=name)])
    submissions.begin(sql, [(one.id, 1, name)], at=at)
    ended = (send_at or at) + timedelta(seconds=took_s)
    submissions.end(sql, [Ended(message_id=one.id, number=1, at=ended, outcome=outcome)])
    if end is not None:
        messages.move(sql, [make_move(one.id, end, at=ended)])


def test_latency_is_told_of_the_minute_in_which_the_carrier_took_a_message(database: Database) -> None:
    def job(sql: Sql) -> None:
        for number in range(20):
            send(sql, NOW - 2 * MINUTE + timedelta(seconds=number), 0.1 * (number + 1))
        send(sql, NOW - 2 * MINUTE, 9, outcome="not_sent")
        send(sql, NOW - 20 * MINUTE, 0.5, send_at=NOW - timedelta(seconds=20))

    database.write(job)
    beat = database.read(lambda sql: Pulse().take(sql, ["b-1"], NOW, minutes=4, good=GOOD, bad=BAD))
    told = [one and (one.p50, one.p95, one.number) for _, one in beat.latency]
    assert told == [None, (1.0, 1.9, 20), None, (0.5, 0.5, 1)]
    assert beat.paces["b-1"].latency is not None
    assert beat.paces["b-1"].latency.number == 21


def test_rates_are_of_the_last_minute_and_of_each_connection(database: Database) -> None:
    def job(sql: Sql) -> None:
        for _ in range(3):
            send(sql, NOW - timedelta(seconds=30), 1)
        send(sql, NOW - timedelta(seconds=30), 1, outcome="not_sent")
        send(sql, NOW - timedelta(seconds=40), 1, end=Event.DELIVER)
        send(sql, NOW - timedelta(seconds=40), 1, end=Event.REFUSE, outcome="refused", name="b-2")
        send(sql, NOW - 5 * MINUTE, 1, end=Event.DELIVER)

    database.write(job)
    beat = database.read(lambda sql: Pulse().take(sql, ["b-1", "b-2"], NOW, minutes=2, good=GOOD, bad=BAD))
    assert beat.flow == Flow(accepted=6, good=1, bad=1)
    assert beat.sent == 4
    assert (beat.paces["b-1"].rate, beat.paces["b-1"].lost) == (4 / 60, 1 / 5)
    assert (beat.paces["b-2"].rate, beat.paces["b-2"].lost) == (0, 1)


def crowd(sql: Sql, number: int, at: datetime, *, outcome: str = "sent", name: str = "b-1") -> None:
    """Put in many attempts that ended at a moment."""
    ended = {"number": 1, "connection": name, "started_at": at, "ended_at": at, "outcome": outcome}
    sql.execute(insert(tables.submissions), [{"message_id": new_id(), **ended} for _ in range(number)])


def test_a_rate_is_of_all_attempts_of_the_minute_however_many_they_are(database: Database) -> None:
    database.write(lambda sql: crowd(sql, MOST + 1000, NOW - timedelta(seconds=20)))
    beat = database.read(lambda sql: Pulse().take(sql, ["b-1"], NOW, minutes=1, good=GOOD, bad=BAD))
    assert beat.sent == MOST + 1000
    assert beat.paces["b-1"].rate == (MOST + 1000) / 60


def test_of_many_attempts_the_last_ones_are_counted(database: Database) -> None:
    def job(sql: Sql) -> None:
        crowd(sql, 5, NOW - 10 * MINUTE)
        crowd(sql, 3, NOW - 2 * MINUTE, outcome="not_sent")
        crowd(sql, 5, NOW - 5 * MINUTE)

    database.write(job)

    def look(most: int | None) -> Any:
        return database.read(lambda sql: flowing.outcomes(sql, "b-1", NOW - 60 * MINUTE, most=most))

    assert look(4) == {"not_sent": 3, "sent": 1}
    assert look(None) == {"not_sent": 3, "sent": 10}


def test_a_minute_that_is_over_is_looked_at_once(database: Database) -> None:
    pulse = Pulse()

    def look() -> list[int]:
        beat = database.read(lambda sql: pulse.take(sql, ["b-1"], NOW, minutes=4, good=GOOD, bad=BAD))
        return [one.number if one else 0 for _, one in beat.latency]

    assert look() == [0, 0, 0, 0]
    database.write(lambda sql: [send(sql, NOW - ago * MINUTE, 1) for ago in (3, 2, 1, 0.2)])
    assert look() == [0, 0, 1, 1], "what is over and settled is not read again"


def test_of_many_in_a_minute_a_sample_over_all_of_it_is_looked_at(database: Database) -> None:
    first = NOW.replace(second=0) - MINUTE

    def job(sql: Sql) -> None:
        for number in range(SAMPLE + 20):
            send(sql, first - timedelta(seconds=1), 1.001 + number / 1000)
        for number in range(4):
            send(sql, first + timedelta(seconds=15 * number), 5)

    database.write(job)
    found = database.read(lambda sql: flowing.waits(sql, "b-1", first))
    assert len(found) == SAMPLE + 3
    assert found.count(5000) == 3, "the busy beginning hides the rest of the minute from nobody"


LOOKS: list[tuple[str, Callable[[Sql], Any]]] = [
    ("flow", lambda sql: flowing.flow(sql, NOW, good=GOOD, bad=BAD)),
    ("outcomes", lambda sql: flowing.outcomes(sql, "b-1", NOW)),
    ("waits", lambda sql: flowing.waits(sql, "b-1", NOW)),
]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("look", [look for _, look in LOOKS], ids=[name for name, _ in LOOKS])
def test_none_of_it_looks_at_all_messages_or_attempts(database: Database, look: Callable[[Sql], Any]) -> None:
    plans = database.read(lambda sql: plans_of(sql, "FROM ", lambda: look(sql)))
    assert plans
    for statement, plan in plans.items():
        assert "SCAN messages" not in plan, (statement, plan)
        assert "SCAN submissions" not in plan, (statement, plan)
