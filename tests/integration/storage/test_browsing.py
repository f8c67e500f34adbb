"""What operators' lists find, on both databases, and that they look at no more than they must."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from broker.domain.ids import first_id_of, new_id
from broker.domain.message import Direction
from broker.domain.search import Search
from broker.domain.status import Event, Status
from broker.storage import browsing, messages
from broker.storage.database import Database, Sql
from broker.storage.messages import Fresh
from tests.factories import NOW_MS, make_message, make_move
from tests.integration.storage.test_plans import plans_of

BAD = (Status.REJECTED, Status.FAILED)


@pytest.fixture
def ids(database: Database) -> list[str]:
    """Nine messages in flight, a minute apart, the oldest first; every third was rejected."""
    now = datetime.now(UTC).replace(microsecond=0)
    times = [now - timedelta(minutes=9 - number) for number in range(9)]
    made = [
        make_message(id=new_id(round(at.timestamp() * 1000)), created_at=at, recipient=f"+1202555010{number}")
        for number, at in enumerate(times)
    ]
    fresh = [Fresh(message=one, event=Event.CLAIM, due_at=NOW_MS, connection="b-1") for one in made]
    moves = [make_move(one.id, Event.REFUSE, detail="4720 spam") for one in made[::3]]
    database.write(lambda sql: (messages.add(sql, fresh), messages.move(sql, moves)))
    return [one.id for one in made]


def test_pages_follow_each_other_and_leave_nothing_out(database: Database, ids: list[str]) -> None:
    found: list[str] = []
    cursor = ""
    while True:
        page = database.read(lambda sql, at=cursor: browsing.page(sql, Search(cursor=at, limit=2)))
        found += [one.id for one in page.messages]
        if page.older is None:
            break
        cursor = page.older
    assert found == ids[::-1]


def test_a_search_for_what_is_rare_says_how_far_it_came(database: Database, ids: list[str]) -> None:
    found, cursor, told = [], "", []
    while True:
        search = Search(address="+12025550100", cursor=cursor)
        page = database.read(lambda sql, one=search: browsing.page(sql, one, looked_at=4))
        found += [one.id for one in page.messages]
        told.append((page.older, page.looked_to is not None))
        if page.older is None:
            break
        cursor = page.older
    assert found == [ids[0]]
    assert told == [(ids[5], True), (ids[1], True), (None, False)]


def test_counts_causes_and_minutes_agree_with_each_other(database: Database, ids: list[str]) -> None:
    counts = database.read(lambda sql: browsing.counts(sql, None))
    assert counts == {(Direction.OUT, Status.REJECTED): 3, (Direction.OUT, Status.SUBMITTING): 6}
    assert database.read(lambda sql: browsing.causes(sql, None, BAD, most=5)) == [
        ("rejected", "4720 spam", 3)
    ]
    since = datetime.now(UTC) - timedelta(hours=1)
    minutes = database.read(lambda sql: browsing.by_minute(sql, since, BAD))
    assert (sum(made for made, _ in minutes.values()), sum(bad for _, bad in minutes.values())) == (9, 3)
    lately = datetime.now(UTC) - timedelta(minutes=4)
    assert sum(database.read(lambda sql: browsing.counts(sql, lately)).values()) < 9


def test_a_star_stands_for_the_rest_of_a_number_and_for_nothing_else(
    database: Database, ids: list[str]
) -> None:
    def found(address: str) -> int:
        return len(database.read(lambda sql: browsing.page(sql, Search(address=address))).messages)

    assert found("+1202*") == 9
    assert found("+12025550101") == 1
    assert found("%*") == 0
    assert found("_1202*") == 0


def test_messages_are_found_by_the_whole_of_their_cause_and_by_having_none(
    database: Database, ids: list[str]
) -> None:
    database.write(lambda sql: messages.move(sql, [make_move(ids[1], Event.REFUSE)]))

    def found(cause: str) -> list[str]:
        search = Search(statuses=BAD, cause=cause)
        return [one.id for one in database.read(lambda sql: browsing.page(sql, search)).messages]

    assert found("4720 spam") == ids[::3][::-1]
    assert found("4720") == []
    assert found("") == [ids[1]]


LISTS: list[tuple[str, Callable[[Sql], Any]]] = [
    ("all", lambda sql: browsing.page(sql, Search())),
    ("filtered", lambda sql: browsing.page(sql, Search(statuses=BAD, connection="b-1", address="+1202*"))),
    ("of a cause", lambda sql: browsing.page(sql, Search(statuses=BAD, cause="4720 spam"))),
    ("since", lambda sql: browsing.page(sql, Search(since=datetime.now(UTC), cursor=new_id()))),
    ("counts", lambda sql: browsing.counts(sql, datetime.now(UTC))),
    ("causes", lambda sql: browsing.causes(sql, datetime.now(UTC), BAD, most=5)),
    ("minutes", lambda sql: browsing.by_minute(sql, datetime.now(UTC), BAD)),
]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("look", [look for _, look in LISTS], ids=[name for name, _ in LISTS])
def test_lists_go_along_an_index_and_sort_no_messages(
    database: Database, ids: list[str], look: Callable[[Sql], Any]
) -> None:
    plans = database.read(lambda sql: plans_of(sql, "FROM messages", lambda: look(sql)))
    assert plans
    for statement, plan in plans.items():
        assert "messages USING INDEX" in plan, (statement, plan)
        assert (
            "SCAN messages USING INDEX sqlite_autoindex_messages_1" in plan or "SCAN messages" not in plan
        ), plan


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_an_account_is_walked_by_its_own_index_and_a_name_found_by_its(
    database: Database, ids: list[str]
) -> None:
    walk = database.read(
        lambda sql: plans_of(sql, "FROM messages", lambda: browsing.page(sql, Search(account="acme")))
    )
    walked = [plan for statement, plan in walk.items() if "messages.account = " in statement]
    assert len(walked) == 2
    assert all("messages USING INDEX ix_messages_account_id (account=?)" in plan for plan in walked)
    named = database.read(lambda sql: plans_of(sql, "FROM messages", lambda: browsing.named(sql, ids[0])))
    assert len(named) == 4
    assert all("SCAN messages" not in plan for plan in named.values()), named
    assert database.read(lambda sql: browsing.named(sql, ids[0])) == [ids[0]]
    assert first_id_of(datetime.now(UTC)) > ids[0]
