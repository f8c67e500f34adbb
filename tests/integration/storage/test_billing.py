"""Bills by the record, on both databases."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from broker.domain.bill import Bill, BillingQuery
from broker.domain.ids import new_id
from broker.domain.message import Direction, Part, PartState
from broker.domain.status import Event, Status
from broker.domain.value import replace
from broker.storage import billing, messages
from broker.storage.database import Database
from broker.storage.messages import Fresh
from tests.factories import NOW, make_message, make_move

PARTS = tuple(
    Part(index=n, content_type="image/png", name=f"{n}.png", state=PartState.STORED, size=100 * n, path="/x")
    for n in (1, 2)
)


def sent_at(at: datetime, **changes: Any) -> Fresh:
    message = make_message(id=new_id(round(at.timestamp() * 1000)), created_at=at, **changes)
    return Fresh(message=message, event=Event.CLAIM, due_at=1)


def add(database: Database, *fresh: Fresh) -> list[str]:
    database.write(lambda sql: messages.add(sql, fresh))
    return [item.message.id for item in fresh]


def bills(database: Database, account: str = "acme", **query: Any) -> list[Bill]:
    wanted = BillingQuery(**{"limit": 100, **query})
    found, last = database.read(lambda sql: billing.page(sql, account, wanted))
    assert last is None
    return found


def test_a_bill_says_what_was_sent_and_what_became_of_it(database: Database) -> None:
    (name,) = add(
        database, sent_at(NOW, parts=PARTS, text="né", number=50012377, note="order 7", subaccount="shop")
    )
    later = NOW + timedelta(seconds=9)
    moves = [
        make_move(name, Event.RECEIPT, provider_ref="carrier-1"),
        make_move(name, Event.DELIVER, at=later),
    ]
    database.write(lambda sql: messages.move(sql, moves))
    assert bills(database) == [
        Bill(
            request_id="50012377",
            message_id=name,
            account="acme",
            subaccount="shop",
            note="order 7",
            originator="+12025550150",
            recipient="+12025550101",
            kind="mms",
            accepted_at=NOW,
            final_at=later,
            outcome=Status.DELIVERED,
            bytes=303,
            parts=2,
            units=1,
            provider_ref="carrier-1",
        )
    ]


def test_a_text_is_billed_by_its_sms_parts(database: Database) -> None:
    add(database, sent_at(NOW, text="x" * 161))
    (found,) = bills(database)
    assert (found.kind, found.parts, found.bytes, found.request_id) == ("sms", 2, 161, found.message_id)


def test_the_messages_of_a_batch_share_what_the_sender_was_answered(database: Database) -> None:
    batch = new_id()
    add(database, *(sent_at(NOW, batch=batch) for _ in range(2)))
    assert [one.request_id for one in bills(database)] == [batch, batch]


@pytest.mark.parametrize(
    ("events", "units"),
    [([], 1), ([Event.RECEIPT], 1), ([Event.REFUSE], 0), ([Event.GIVE_UP], 0), ([Event.LOSE, Event.STOP], 1)],
)
def test_what_no_carrier_had_costs_nothing_for_any_account(
    database: Database, events: list[Event], units: int
) -> None:
    (name,) = add(database, sent_at(NOW))
    database.write(lambda sql: messages.move(sql, [make_move(name, event) for event in events]))
    assert [one.units for one in bills(database)] == [units]


def test_what_ends_when_it_is_recorded_has_its_end(database: Database) -> None:
    message = make_message()
    add(database, Fresh(message=message, event=Event.REFUSE))
    (found,) = bills(database)
    assert (found.units, found.outcome) == (0, Status.REJECTED)
    assert found.final_at is not None


def test_arrivals_and_other_accounts_are_not_billed(database: Database) -> None:
    arrival = make_message(direction=Direction.IN, status=Status.RECEIVED)
    add(database, Fresh(message=arrival, event=None), sent_at(NOW, account="globex"))
    assert bills(database) == []
    assert len(bills(database, "globex")) == 1


def test_a_time_bounds_what_was_accepted(database: Database) -> None:
    day = timedelta(days=1)
    first, second, third = add(database, *(sent_at(NOW + n * day) for n in range(3)))

    def ids(**query: Any) -> list[str]:
        return [one.message_id for one in bills(database, **query)]

    assert ids(since=NOW + day) == [second, third]
    assert ids(until=NOW + day) == [first]
    assert ids(since=NOW + day, until=NOW + 2 * day) == [second]
    assert ids() == [first, second, third]


def test_pages_hold_every_message_once(database: Database) -> None:
    names = add(database, *(sent_at(NOW + timedelta(milliseconds=n)) for n in range(5)))
    query, seen = BillingQuery(limit=2), list[str]()
    while True:
        found, last = database.read(lambda sql, query=query: billing.page(sql, "acme", query))  # type: ignore[misc]
        seen += [one.message_id for one in found]
        if last is None:
            break
        query = replace(query, after=last)
    assert seen == names
