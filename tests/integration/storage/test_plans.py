"""SQLite goes by the primary key where a batch of messages is read or moved, whatever other index would tempt it.

Going by an index that begins with the status would look at everything in flight for each message of a batch.
"""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from broker.domain.status import Event
from broker.storage import due, folders, messages, redaction, schema
from broker.storage.database import Database, Sql
from broker.storage.messages import Fresh
from tests.factories import NOW, NOW_MS, make_message, make_move

IN_FLIGHT = 300
TEMPTING = "CREATE INDEX tempting ON messages (status, due_at)"


@pytest.fixture
def ids() -> list[str]:
    """Messages in flight."""
    return [make_message().id for _ in range(IN_FLIGHT)]


@pytest.fixture
def database(tmp_path: Path, ids: list[str]) -> Iterator[Database]:
    """A database with many messages in one state, and no statistics, as after a start."""
    url = f"sqlite:///{tmp_path / 'broker.db'}"
    schema.upgrade(url)
    one = Database(url)
    fresh = [Fresh(message=make_message(id=name), event=Event.CLAIM, due_at=NOW_MS) for name in ids]
    one.write(lambda sql: messages.add(sql, fresh))
    yield one
    one.close()


def plans_of(sql: Sql, table: str, work: Any) -> dict[str, str]:
    """Return the statements on a table that some work runs, each with SQLite's plan."""
    found: dict[str, Any] = {}

    def note(_: Any, __: Any, statement: str, parameters: Any, ___: Any, many: bool) -> None:
        if table in statement:
            found[statement] = parameters[0] if many else parameters

    event.listen(sql, "before_cursor_execute", note)
    work()
    event.remove(sql, "before_cursor_execute", note)
    return {
        statement: " ".join(row[-1] for row in sql.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values))
        for statement, values in found.items()
    }


def assert_by_key(plans: dict[str, str]) -> None:
    """Check that every statement found its messages by their ids."""
    assert plans
    for statement, plan in plans.items():
        assert "sqlite_autoindex_messages_1 (id=?)" in plan, (statement, plan)
        assert "SCAN messages" not in plan, statement


def test_moves_go_by_the_primary_key_although_an_index_on_the_status_is_there(
    database: Database, ids: list[str]
) -> None:
    database.write(lambda sql: sql.exec_driver_sql(TEMPTING))
    moves = [make_move(one, Event.DEFER, due_at=NOW_MS) for one in ids[:200]]
    plans = database.write(lambda sql: plans_of(sql, "messages", lambda: messages.move(sql, moves)))
    assert any(statement.startswith("UPDATE messages") for statement in plans)
    assert_by_key(plans)


def test_claims_go_by_the_primary_key(database: Database, ids: list[str]) -> None:
    moves = [make_move(one, Event.DEFER, due_at=NOW_MS) for one in ids]
    database.write(lambda sql: messages.move(sql, moves))
    plans = database.write(
        lambda sql: plans_of(sql, "messages", lambda: messages.claimable(sql, ids[:200], NOW_MS))
    )
    assert_by_key(plans)


def test_what_is_due_is_found_without_looking_at_the_rest(database: Database) -> None:
    plans = database.read(lambda sql: plans_of(sql, "messages", lambda: due.due(sql, NOW_MS, limit=200)))
    assert all("ix_messages_due_at (due_at" in plan for plan in plans.values()), plans


def test_an_inbox_is_polled_without_looking_at_what_was_sent_or_fetched_before(database: Database) -> None:
    poll = partial(folders.hold, account="acme", limit=10, now_ms=NOW_MS, until_ms=NOW_MS, text_before=NOW)
    plans = database.write(lambda sql: plans_of(sql, "messages", lambda: poll(sql)))
    assert plans
    assert all("ix_messages_inbox (account=?)" in plan for plan in plans.values()), plans


def test_a_message_is_found_by_its_customers_own_id_without_looking_at_the_others(database: Database) -> None:
    ask = partial(folders.named, names=["own"], account="acme")
    plans = database.read(lambda sql: plans_of(sql, "messages", lambda: ask(sql)))
    assert len(plans) == 2
    for plan in plans.values():
        assert "SCAN" not in plan
        assert "(account=? AND reference=?)" in plan or "sqlite_autoindex_messages_1" in plan, plans


def test_what_is_old_is_found_by_its_account_and_age(database: Database, ids: list[str]) -> None:
    ask = partial(redaction.page, account="acme", after="0", before="1", limit=500)
    plans = database.read(lambda sql: plans_of(sql, "messages", lambda: ask(sql)))
    assert plans
    for plan in plans.values():
        assert "ix_messages_account_id (account=? AND id>? AND id<?)" in plan, plans
        assert "TEMP B-TREE" not in plan


def test_content_is_removed_by_the_primary_key(database: Database, ids: list[str]) -> None:
    def remove(sql: Sql) -> None:
        redaction.closed(sql, ids)
        redaction.blank_texts(sql, ids, NOW)
        redaction.remove_parts(sql, ids)

    assert_by_key(database.write(lambda sql: plans_of(sql, " messages", lambda: remove(sql))))


def test_accounts_are_found_without_looking_at_their_messages(database: Database) -> None:
    plans = database.read(
        lambda sql: plans_of(sql, "messages", lambda: redaction.accounts_with_messages(sql))
    )
    assert plans
    for plan in plans.values():
        assert "COVERING INDEX" in plan, plans
        assert "(account>?)" in plan, plans
