"""Endpoints and their callbacks are found along indexes on both databases, and nothing counts all there is."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import text

from broker.domain.callback import CallbackState, Untold
from broker.domain.ids import new_id
from broker.domain.status import Status
from broker.storage import callbacks, endpoints, told
from broker.storage.callbacks import Owing, Tried
from broker.storage.database import Database, Sql
from tests.integration.storage.test_overview_plans import plans_of

MANY = 600
NAME = "a1 b.example"


def owed(database: Database, account: str, host: str, number: int) -> list[str]:
    """Owe an endpoint callbacks, and return their ids."""
    at = datetime.now(UTC)
    items = [
        Owing(
            message_id=new_id(),
            account=account,
            status=Status.DELIVERED,
            at=at,
            url=f"https://{host}/x",
            due_at=n,
            ends_at=2**60,
        )
        for n in range(number)
    ]
    database.write(lambda sql: callbacks.owe(sql, items))
    return [callbacks.id_of(one.message_id, one.status) for one in items]


def end(database: Database, ids: list[str], state: CallbackState) -> None:
    database.write(lambda sql: callbacks.settle(sql, [Tried(id=one, state=state) for one in ids]))


@pytest.fixture
def filled(database: Database) -> Database:
    """A database with many callbacks in every state."""
    for account, host in (
        ("a0", "b.example"),
        ("a1", "b.example"),
        ("a1", "c.example"),
        ("a10", "d.example"),
    ):
        for state in (CallbackState.HELD, CallbackState.GIVEN_UP, CallbackState.TOLD):
            end(database, owed(database, account, host, MANY // 6), state)
        owed(database, account, host, MANY // 6)
    database.write(lambda sql: sql.execute(text("ANALYZE callbacks")))
    return database


OF_ONE = Untold(endpoint=NAME)
LOOKS: list[tuple[str, Callable[[Sql], Any]]] = [
    ("names", lambda sql: endpoints.names(sql, after="", account="", limit=9)),
    ("names of an account", lambda sql: endpoints.names(sql, after="", account="a1", limit=9)),
    ("standing", lambda sql: endpoints.standing(sql, NAME, None)),
    ("lately", lambda sql: endpoints.lately(sql, most=20)),
    ("owed", lambda sql: endpoints.owed(sql, NAME, limit=5)),
    (
        "newest",
        lambda sql: endpoints.newest(
            sql, CallbackState.TOLD, account="", name=NAME, before="x", limit=5, looked_at=20
        ),
    ),
    ("untold", lambda sql: told.untold(sql, Untold(), after="0", limit=5)),
    ("untold of one", lambda sql: told.untold(sql, OF_ONE, after="0", limit=5)),
    ("number", lambda sql: told.number(sql, OF_ONE, most=20)),
]


@pytest.mark.parametrize("look", [look for _, look in LOOKS], ids=[name for name, _ in LOOKS])
def test_what_is_shown_of_endpoints_is_found_by_index(filled: Database, look: Callable[[Sql], Any]) -> None:
    def ask(sql: Sql) -> list[str]:
        if sql.dialect.name == "postgresql":  # so few it would read as they lie: what can it do with many?
            sql.execute(text("SET LOCAL enable_seqscan = off"))
        return plans_of(sql, look)

    plans = filled.read(ask)
    assert plans
    for plan in plans:
        assert "callbacks" in plan or "pk_callbacks" in plan, plan
        assert "Seq Scan on callbacks" not in plan, plan
        assert "SCAN callbacks\n" not in f"{plan}\n", plan
        assert "SCAN walked" in plan or "USE TEMP B-TREE FOR ORDER BY" not in plan, plan
        assert "Sort Key: callbacks.id" not in plan, plan


def test_endpoints_are_found_one_after_the_other_and_those_of_one_account_alone(filled: Database) -> None:
    every = ["a0 b.example", "a1 b.example", "a1 c.example", "a10 d.example"]
    assert filled.read(lambda sql: endpoints.names(sql, after="", account="", limit=9)) == every
    first = filled.read(lambda sql: endpoints.names(sql, after="", account="", limit=2))
    assert first == every[:2]
    assert filled.read(lambda sql: endpoints.names(sql, after=first[-1], account="", limit=9)) == every[2:]
    assert filled.read(lambda sql: endpoints.names(sql, after="", account="a1", limit=9)) == every[1:3]
    assert filled.read(lambda sql: endpoints.names(sql, after="", account="a", limit=9)) == []


def test_an_endpoint_is_counted_up_to_a_bound(filled: Database) -> None:
    one = filled.read(lambda sql: endpoints.standing(sql, NAME, None))
    assert (one.account, one.host) == ("a1", "b.example")
    assert (one.owed, one.held, one.given_up) == (MANY // 6,) * 3
    one = filled.read(lambda sql: endpoints.standing(sql, NAME, None, most=20))
    assert (one.owed, one.held, one.given_up) == (21, 21, 21)


def test_a_page_looks_at_no_more_than_it_may_and_says_where_to_go_on(database: Database) -> None:
    good = owed(database, "a1", "b.example", 3)
    end(database, good, CallbackState.TOLD)
    others = sorted(owed(database, "a1", "b.example", 10))

    def look(before: str) -> tuple[list[str], str]:
        rows, further = database.read(
            lambda sql: endpoints.newest(
                sql, CallbackState.TOLD, account="", name="", before=before, limit=2, looked_at=6
            )
        )
        return [one.callback.id for one in rows], further

    assert look("") == ([], others[-6])
    assert look(others[-6]) == (sorted(good)[:0:-1], sorted(good)[1])
    assert look(sorted(good)[1]) == ([sorted(good)[0]], "")


def test_what_was_not_told_is_counted_and_beyond_a_bound_only_said_to_be_more(filled: Database) -> None:
    each = MANY // 6
    assert filled.read(lambda sql: told.number(sql, OF_ONE)) == 2 * each
    assert filled.read(lambda sql: told.number(sql, OF_ONE, most=2 * each)) == 2 * each
    assert filled.read(lambda sql: told.number(sql, OF_ONE, most=20)) > 20
    held = Untold(states=(CallbackState.HELD,), account="a1")
    assert filled.read(lambda sql: told.number(sql, held)) == 2 * each
