"""What operators' lists find, on both databases, and that they look at no more than they must."""

from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import count, pairwise
from typing import Any

import pytest

from broker.domain.ids import first_id_of, made_at, new_id
from broker.domain.message import Direction, Part, Tag
from broker.domain.record import MessageQuery
from broker.domain.search import Search, tag_of
from broker.domain.status import BAD_ENDS, Event, Status
from broker.services.histogram import MOST, Histogram, histogram, width_s
from broker.storage import browsing, counts, messages, minutes, reading, submissions
from broker.storage import histogram as counting
from broker.storage.database import Database, Sql
from broker.storage.messages import Fresh
from broker.storage.submissions import Ended
from broker.storage.tables import ENDED_BADLY
from tests.factories import NOW_MS, make_message, make_move
from tests.integration.storage.test_plans import plans_of

BAD = (Status.REJECTED, Status.FAILED)
LATER = count(1)
"""Ids that are made in one millisecond are in no order."""


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


def test_counts_and_causes_agree_with_each_other(database: Database, ids: list[str]) -> None:
    found = database.read(lambda sql: browsing.counts(sql, None))
    assert found == {(Direction.OUT, Status.REJECTED): 3, (Direction.OUT, Status.SUBMITTING): 6}
    causes = database.read(lambda sql: browsing.causes(sql, None, most=5))
    assert causes == ([("rejected", "4720 spam", 3)], 3)
    lately = datetime.now(UTC) - timedelta(minutes=4)
    assert sum(database.read(lambda sql: browsing.counts(sql, lately)).values()) < 9


def test_causes_of_a_connection_are_of_its_last_attempts_and_of_the_newest_messages(
    database: Database, ids: list[str]
) -> None:
    now = datetime.now(UTC)
    fresh = [
        Fresh(
            message=make_message(id=new_id(), created_at=now),
            event=Event.CLAIM,
            due_at=NOW_MS,
            connection="b-2",
        )
        for _ in range(3)
    ]
    busy = [one.message.id for one in fresh]

    def job(sql: Sql) -> None:
        messages.add(sql, fresh)
        messages.move(sql, [make_move(one, Event.REFUSE, detail="full") for one in busy])
        for minute, one in enumerate(ids[:6]):
            submissions.begin(sql, [(one, 1, "b-1")], at=now)
            at = now + timedelta(minutes=minute)
            submissions.end(sql, [Ended(message_id=one, number=1, at=at, outcome="refused")])

    database.write(job)

    long_ago = made_at(ids[0])

    def look(name: str, looked_at: int, since: datetime = long_ago) -> list[tuple[str, str, int]]:
        return database.read(
            lambda sql: browsing.causes_over(sql, name, since, BAD, most=5, looked_at=looked_at)
        )

    assert look("b-1", 100) == [("rejected", "4720 spam", 3)]
    assert look("b-1", 3) == [("rejected", "4720 spam", 1)], "of attempts 4 to 6 the first was refused"
    assert look("b-1", 2) == [], "neither among its last attempts nor among the newest messages"
    assert look("b-1", 6) == [("rejected", "4720 spam", 3)], "the last of them is among the newest of all"
    assert look("b-2", 2) == [("rejected", "full", 2)], "never tried, so found among the newest"
    assert look("b-1", 100, now + timedelta(minutes=10)) == []


def test_causes_are_those_of_the_newest_that_ended_badly(database: Database, ids: list[str]) -> None:
    database.write(lambda sql: messages.move(sql, [make_move(ids[4], Event.REFUSE, detail="4470 gone")]))

    def look(looked_at: int, since: datetime | None = None) -> tuple[list[tuple[str, str, int]], int]:
        return database.read(lambda sql: browsing.causes(sql, since, most=5, looked_at=looked_at))

    assert look(5) == ([("rejected", "4720 spam", 3), ("rejected", "4470 gone", 1)], 4)
    assert look(2) == ([("rejected", "4470 gone", 1), ("rejected", "4720 spam", 1)], 2), (
        "6 and 4, not 3 and 0"
    )
    assert look(5, made_at(ids[5])) == ([("rejected", "4720 spam", 1)], 1)
    assert look(5, made_at(ids[8])) == ([], 0)


def test_what_ended_badly_is_said_as_its_index_says_it() -> None:
    assert "status IN ({})".format(", ".join(f"'{one}'" for one in BAD_ENDS)) == ENDED_BADLY


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


def test_the_first_word_of_a_cause_is_its_code_and_half_a_word_is_not(
    database: Database, ids: list[str]
) -> None:
    database.write(lambda sql: messages.move(sql, [make_move(ids[1], Event.REFUSE, detail="4720")]))

    def found(error: str) -> list[str]:
        search = Search(error=error)
        return [one.id for one in database.read(lambda sql: browsing.page(sql, search)).messages]

    assert found("4720") == [ids[6], ids[3], ids[1], ids[0]]
    assert found("472") == found("%") == found("spam") == []
    for one, detail in ((ids[2], "404 gone"), (ids[4], "503"), (ids[5], "499")):
        database.write(
            lambda sql, id_=one, why=detail: messages.move(sql, [make_move(id_, Event.REFUSE, detail=why)])
        )
    assert (found("4xx"), found("5xx")) == ([ids[5], ids[2]], [ids[4]]), "a family has three digits"


def tagged(database: Database, **changes: Any) -> str:
    """Put in a message that is newer than those before it, and return its id."""
    at = datetime.now(UTC) + timedelta(milliseconds=next(LATER))
    one = make_message(id=new_id(round(at.timestamp() * 1000)), created_at=at, **changes)
    fresh = Fresh(message=one, event=Event.CLAIM, due_at=NOW_MS, connection="b-1")
    database.write(lambda sql: messages.add(sql, [fresh]))
    return one.id


def tags(**named: str) -> tuple[Tag, ...]:
    return tuple(Tag(name=name, value=value) for name, value in named.items())


def test_messages_are_found_by_a_tag_and_nothing_that_only_looks_like_it(
    database: Database, ids: list[str]
) -> None:
    spring = tagged(database, tags=tags(order="7", campaign="spring"))
    other = tagged(database, tags=tags(campaign='"Spring" 100%'))
    tagged(database, tags=tags(note='["campaign","spring"]', campaigns="spring", spring="campaign"))

    def found(text: str) -> list[str]:
        search = Search(tag=tag_of(text))
        return [one.id for one in database.read(lambda sql: browsing.page(sql, search)).messages]

    assert found("campaign=spring") == [spring]
    assert found("campaign") == [other, spring]
    assert found('campaign="Spring" 100%') == [other]
    assert found("Campaign") == found("campaign=Spring") == found("campaign=") == found("camp") == []


def test_a_customers_list_of_a_tag_looks_at_so_many_and_says_where_to_go_on(database: Database) -> None:
    wanted = [tagged(database, tags=tags(k=str(number % 4))) for number in range(8)][::4]
    tagged(database, account="globex", tags=tags(k="0"))
    found, cursor, sizes = [], None, []
    for _ in range(9):
        query = MessageQuery(tag=tag_of("k=0"), cursor=cursor, limit=5)
        page, cursor = database.read(
            lambda sql, asked=query: reading.page(sql, asked, account="acme", looked_at=3)
        )
        found += [one.id for one in page]
        sizes.append(len(page))
        if cursor is None:
            break
    assert found == wanted[::-1]
    assert sizes == [0, 1, 1], "a page may be empty and more come after it"
    first, cursor = database.read(
        lambda sql: reading.page(sql, MessageQuery(tag=tag_of("k=0"), limit=1), account="acme")
    )
    assert ([one.id for one in first], cursor) == ([wanted[1]], wanted[1])


def test_a_customers_list_of_a_tag_looks_no_further_whatever_else_is_asked(database: Database) -> None:
    wanted = tagged(database, tags=tags(k="0"), recipient="+12025550199")
    for _ in range(4):
        tagged(database, tags=tags(k="0"))
    pages, cursor = [], None
    for _ in range(2):
        query = MessageQuery(tag=tag_of("k=0"), to="+12025550199", cursor=cursor, limit=5)
        page, cursor = database.read(
            lambda sql, asked=query: reading.page(sql, asked, account="acme", looked_at=3)
        )
        pages.append([one.id for one in page])
    assert (pages, cursor) == ([[], [wanted]], None)


def test_messages_are_found_by_their_kind(database: Database, ids: list[str]) -> None:
    part = Part(index=1, content_type="image/png")
    multimedia = [tagged(database, subject="s"), tagged(database, parts=(part,))]

    def found(*, mms: bool | None) -> list[str]:
        page = database.read(lambda sql: browsing.page(sql, Search(mms=mms)))
        assert mms is None or all(one.is_mms is mms for one in page.messages)
        return [one.id for one in page.messages]

    assert found(mms=True) == multimedia[::-1]
    assert found(mms=False) == ids[::-1]
    assert found(mms=None) == [*multimedia[::-1], *ids[::-1]]


def test_bars_count_each_message_of_a_list_once_under_its_filters(database: Database, ids: list[str]) -> None:
    now = datetime.now(UTC)

    def look(search: Search) -> Histogram:
        found = database.read(lambda sql: histogram(sql, search, now))
        assert found is not None
        return found

    every = look(Search(cursor=ids[2]))
    assert every.width == timedelta(seconds=30)
    assert (every.number, every.cut) == (9, False), "whichever page is shown"
    starts = [at for at, _ in every.bars]
    assert all(one + every.width == other for one, other in pairwise(starts))
    assert starts[0] <= made_at(ids[0]) < starts[0] + every.width
    assert starts[-1] < now <= starts[-1] + every.width
    assert look(Search(statuses=(Status.REJECTED,))).number == 3
    for at, heights in every.bars:
        narrower = database.read(
            lambda sql, since=at: browsing.page(sql, Search(since=since, until=since + every.width))
        )
        assert Counter(one.status for one in narrower.messages) == heights, (
            "a bar is the list that it leads to"
        )
    assert database.read(lambda sql: histogram(sql, Search(account="nobody"), now)) is None


def test_a_message_made_just_before_its_id_is_in_a_bar_too(database: Database) -> None:
    second = datetime.now(UTC).replace(microsecond=0)
    made, named = second - timedelta(milliseconds=2), second + timedelta(milliseconds=1)
    one = make_message(id=new_id(round(named.timestamp() * 1000)), account="edge", created_at=made)
    fresh = Fresh(message=one, event=Event.CLAIM, due_at=NOW_MS, connection="b-1")
    database.write(lambda sql: messages.add(sql, [fresh]))
    found = database.read(lambda sql: histogram(sql, Search(account="edge"), second + timedelta(seconds=1)))
    assert found is not None
    assert (found.width, found.number) == (timedelta(seconds=1), 1)


def test_bars_are_counted_over_so_many_and_no_more(database: Database, ids: list[str]) -> None:
    def look(search: Search) -> tuple[datetime | None, bool, int]:
        oldest, cut = database.read(lambda sql: counting.reach(sql, search, looked_at=4))
        found = database.read(lambda sql: counting.heights(sql, search, 60_000, looked_at=4))
        return oldest, cut, sum(sum(one.values()) for one in found.values())

    assert look(Search()) == (made_at(ids[5]), True, 4)
    assert look(Search(statuses=(Status.REJECTED,))) == (made_at(ids[5]), True, 1)
    assert look(Search(since=made_at(ids[7]))) == (made_at(ids[7]), False, 2)


@pytest.mark.parametrize("span_s", [0, 1, 47, 48, 3000, 86_400, 90 * 86_400, 400 * 86_400, 20 * 365 * 86_400])
def test_there_are_never_too_many_bars(span_s: float) -> None:
    assert 1 <= width_s(span_s) * MOST >= span_s
    assert span_s / width_s(span_s) <= MOST


LISTS: list[tuple[str, Callable[[Sql], Any]]] = [
    ("all", lambda sql: browsing.page(sql, Search())),
    ("filtered", lambda sql: browsing.page(sql, Search(statuses=BAD, connection="b-1", address="+1202*"))),
    ("of a cause", lambda sql: browsing.page(sql, Search(statuses=BAD, cause="4720 spam"))),
    ("since", lambda sql: browsing.page(sql, Search(since=datetime.now(UTC), cursor=new_id()))),
    ("of a tag", lambda sql: browsing.page(sql, Search(tag=tag_of("a=b"), error="4720"))),
    ("bars", lambda sql: histogram(sql, Search(account="acme", statuses=BAD), datetime.now(UTC))),
    ("counts", lambda sql: browsing.counts(sql, datetime.now(UTC))),
    ("a stretch", lambda sql: counts.stretch(sql, most=5)),
    ("an old stretch", lambda sql: counts.stretch(sql, since=new_id(), below="x", most=5, oldest=True)),
    ("causes", lambda sql: browsing.causes(sql, datetime.now(UTC) - timedelta(days=7), most=5)),
    ("causes of one", lambda sql: browsing.causes_over(sql, "b-1", datetime.now(UTC), BAD, most=5)),
    ("minutes", lambda sql: minutes.count(sql, datetime.now(UTC), names=["b-1"], good=(), bad=BAD)),
]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("look", [look for _, look in LISTS], ids=[name for name, _ in LISTS])
def test_lists_go_along_an_index_and_sort_no_messages(
    database: Database, ids: list[str], look: Callable[[Sql], Any]
) -> None:
    plans = database.read(lambda sql: plans_of(sql, "FROM messages", lambda: look(sql)))
    assert plans
    for statement, plan in plans.items():
        assert "messages USING INDEX" in plan.replace("COVERING ", ""), (statement, plan)
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
