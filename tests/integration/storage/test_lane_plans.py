"""What waits in lanes is counted, paged and looked up by index on both databases, however much is on record."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import event, text

from broker.domain.status import Event
from broker.storage import lanes, messages
from broker.storage.database import Database, Sql
from broker.storage.messages import Fresh
from tests.factories import NOW_MS, make_message

LANE = ("bandwidth-1", "+12025550150")
WAITING, LANES, SENT = 1500, 10, 300


@pytest.fixture
def ids(database: Database) -> list[str]:
    """Messages that wait in some lanes, among others that do not."""
    laned = [
        Fresh(
            message=make_message(originator=f"+1202555015{n % LANES}"),
            event=Event.TAKE,
            due_at=NOW_MS,
            laned_at=NOW_MS,
            connection=LANE[0],
        )
        for n in range(WAITING)
    ]
    sent = [
        Fresh(message=make_message(originator=LANE[1]), event=Event.CLAIM, due_at=NOW_MS, connection=LANE[0])
        for _ in range(SENT)
    ]
    for first in range(0, WAITING + SENT, 300):
        page = (laned + sent)[first : first + 300]
        database.write(lambda sql, page=page: messages.add(sql, page))  # type: ignore[misc]
    database.write(lambda sql: sql.execute(text("ANALYZE messages")))
    return [one.message.id for one in laned]


def plan_of(sql: Sql, work: Callable[[Sql], Any]) -> str:
    """Run some work of one statement, and return how the database goes about it."""
    said: list[tuple[str, Any]] = []

    def note(_: Any, __: Any, statement: str, parameters: Any, *___: Any) -> None:
        said.append((statement, parameters))

    event.listen(sql, "before_cursor_execute", note)
    work(sql)
    event.remove(sql, "before_cursor_execute", note)
    ((statement, parameters),) = said
    explain = "EXPLAIN QUERY PLAN" if sql.dialect.name == "sqlite" else "EXPLAIN"
    return "\n".join(str(row[-1]) for row in sql.exec_driver_sql(f"{explain} {statement}", parameters))


@pytest.mark.parametrize(
    ("work", "index"),
    [
        (lambda sql, ids: lanes.counts(sql), "ix_messages_lane"),
        (lambda sql, ids: lanes.page(sql, LANE, after="", limit=20), "ix_messages_lane"),
        (lambda sql, ids: lanes.still(sql, ids[:20]), "autoindex|pk_messages"),
        (lambda sql, ids: lanes.since(sql, ids[:20]), "autoindex|pk_messages"),
    ],
    ids=["counts", "page", "still", "since"],
)
def test_lanes_are_looked_at_by_index_and_never_by_reading_every_message(
    database: Database, ids: list[str], work: Callable[[Sql, list[str]], Any], index: str
) -> None:
    def ask(sql: Sql) -> str:
        if (
            sql.dialect.name == "postgresql"
        ):  # so few rows it would read as they lie: what can it do with many?
            sql.execute(text("SET LOCAL enable_seqscan = off"))
        return plan_of(sql, lambda sql: work(sql, ids))

    plan = database.read(ask)
    assert any(name in plan for name in index.split("|")), plan
    if database_is_sqlite(database):
        assert "SCAN messages" not in plan.replace("SCAN messages USING", ""), plan
    else:
        assert "Seq Scan" not in plan, plan


def database_is_sqlite(database: Database) -> bool:
    return bool(database.read(lambda sql: sql.dialect.name == "sqlite"))


def test_a_page_of_a_lane_begins_where_the_last_one_ended_and_sorts_nothing(
    database: Database, ids: list[str]
) -> None:
    def ask(sql: Sql) -> str:
        if sql.dialect.name == "postgresql":
            sql.execute(text("SET LOCAL enable_seqscan = off"))
            sql.execute(text("SET LOCAL enable_bitmapscan = off"))
        return plan_of(sql, lambda sql: lanes.page(sql, LANE, after=ids[10], limit=5))

    plan = database.read(ask)
    assert "TEMP B-TREE" not in plan
    assert "Sort" not in plan
    assert "id>?" in plan or "id)::text > " in plan, plan
