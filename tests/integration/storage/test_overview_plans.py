"""What the overview counts is counted along indexes on both databases, however much is on record."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import event, text

from broker.domain.ids import first_id_of
from broker.domain.status import Event
from broker.storage import browsing, counts, messages
from broker.storage.database import Database, Sql
from broker.storage.messages import Fresh
from tests.factories import NOW_MS, make_message, make_move

MADE, FAILED = 1500, 60
WEEK = datetime.now(UTC) - timedelta(days=7)


@pytest.fixture
def filled(database: Database) -> Database:
    """A database with many messages, a few of which failed."""
    fresh = [Fresh(message=make_message(), event=Event.CLAIM, due_at=NOW_MS) for _ in range(MADE)]
    for first in range(0, MADE, 300):
        page = fresh[first : first + 300]
        database.write(lambda sql, page=page: messages.add(sql, page))  # type: ignore[misc]
    moves = [make_move(one.message.id, Event.REFUSE, detail="4720 spam") for one in fresh[:FAILED]]
    database.write(lambda sql: messages.move(sql, moves))
    database.write(lambda sql: [sql.execute(text(f"ANALYZE {one}")) for one in ("messages", "events")])
    return database


def plans_of(sql: Sql, work: Callable[[Sql], Any]) -> list[str]:
    """Run some work, and return how the database goes about each of its statements."""
    said: list[tuple[str, Any]] = []

    def note(_: Any, __: Any, statement: str, parameters: Any, *___: Any) -> None:
        said.append((statement, parameters))

    event.listen(sql, "before_cursor_execute", note)
    work(sql)
    event.remove(sql, "before_cursor_execute", note)
    explain = "EXPLAIN QUERY PLAN" if sql.dialect.name == "sqlite" else "EXPLAIN"
    return [
        "\n".join(str(row[-1]) for row in sql.exec_driver_sql(f"{explain} {statement}", parameters))
        for statement, parameters in said
    ]


LOOKS: list[tuple[str, str, Callable[[Sql], Any]]] = [
    ("causes", "ix_messages_ended_badly", lambda sql: browsing.causes(sql, None, most=5, looked_at=20)),
    (
        "causes of a week",
        "ix_messages_ended_badly",
        lambda sql: browsing.causes(sql, WEEK, most=5, looked_at=20),
    ),
    ("the newest", "autoindex_messages_1|pk_messages", lambda sql: counts.stretch(sql, most=50)),
    (
        "a piece",
        "autoindex_messages_1|pk_messages",
        lambda sql: counts.stretch(sql, since=first_id_of(WEEK), below="x", most=50, oldest=True),
    ),
]


@pytest.mark.parametrize(
    ("index", "look"), [(index, look) for _, index, look in LOOKS], ids=[name for name, *_ in LOOKS]
)
def test_what_the_overview_counts_is_found_by_index_and_nothing_else_is_read(
    filled: Database, index: str, look: Callable[[Sql], Any]
) -> None:
    def ask(sql: Sql) -> list[str]:
        if (
            sql.dialect.name == "postgresql"
        ):  # so few events it would read as they lie: what can it do with many?
            sql.execute(text("SET LOCAL enable_seqscan = off"))
        return plans_of(sql, look)

    plans = filled.read(ask)
    assert plans
    for plan in plans:
        assert any(name in plan for name in index.split("|")), plan
        assert "Seq Scan on messages" not in plan, plan
        assert "Sort Key: messages.id" not in plan, plan
        assert "Seq Scan on events" not in plan, plan
        assert "SCAN events" not in plan, plan
