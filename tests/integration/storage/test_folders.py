"""Customers' folders, on both databases."""

from collections import Counter as Tally
from datetime import timedelta
from typing import Any

import pytest

from broker.domain.folder import Counter, Folder, counters_of, folder_of
from broker.domain.message import Direction, Message
from broker.domain.status import Status
from broker.storage import folders, messages
from broker.storage.database import Database
from broker.storage.messages import Fresh
from tests.factories import NOW, NOW_MS, make_message

LATER_MS = NOW_MS + 90_000
HELD_BEFORE = NOW - timedelta(minutes=5)


def add(database: Database, *many: Message) -> list[str]:
    """Keep messages as they are."""
    database.write(lambda sql: messages.add(sql, [Fresh(message=one, event=None) for one in many]))
    return [one.id for one in many]


def arrival(**changes: Any) -> Message:
    """A whole message for `acme`."""
    return make_message(**{"direction": Direction.IN, "status": Status.READY, **changes})


def listed(database: Database, folder: Folder, **changes: Any) -> list[str]:
    values: dict[str, Any] = {
        "account": "acme",
        "limit": 100,
        "unmarked": False,
        "now_ms": NOW_MS,
        "text_before": HELD_BEFORE,
    }
    return database.read(lambda sql: folders.listed(sql, folder, **{**values, **changes}))


def hold(database: Database, limit: int = 100, now_ms: int = NOW_MS) -> list[str]:
    return database.write(
        lambda sql: folders.hold(
            sql,
            account="acme",
            limit=limit,
            now_ms=now_ms,
            until_ms=now_ms + 90_000,
            text_before=HELD_BEFORE,
        )
    )


def test_every_message_is_in_exactly_one_folder(database: Database) -> None:
    expected: dict[str, Folder] = {}
    for status in Status:
        for taken in (False, True):
            for deleted in (False, True):
                inbound = status in {Status.RECEIVED, Status.FETCHING, Status.READY, Status.INCOMPLETE}
                inbound = inbound or status in {Status.FORWARDED, Status.UNFORWARDED}
                one = make_message(
                    direction=Direction.IN if inbound else Direction.OUT,
                    status=status,
                    provider_ref="ref" if taken else None,
                    created_at=HELD_BEFORE,
                )
                add(database, one)
                if deleted:
                    database.write(lambda sql, name=one.id: folders.delete(sql, [name], at=NOW))
                expected[one.id] = folder_of(status, taken=taken, deleted=deleted)
    add(database, make_message(account="globex"), arrival(account="globex"))

    found = {name: folder for folder in Folder for name in listed(database, folder)}

    assert found == expected
    assert Tally(found.values()).keys() == set(Folder)


@pytest.mark.parametrize(
    ("status", "taken", "folder"),
    [
        (Status.EXPIRED, True, Folder.SENT),
        (Status.EXPIRED, False, Folder.NOT_SENT),
        (Status.UNDELIVERED, True, Folder.SENT),
        (Status.REJECTED, False, Folder.NOT_SENT),
        (Status.SCHEDULED, False, Folder.SCHEDULED),
        (Status.RETRYING, True, Folder.OUTBOX),
    ],
)
def test_what_the_carrier_had_was_sent(status: Status, *, taken: bool, folder: Folder) -> None:
    assert folder_of(status, taken=taken, deleted=False) is folder


def test_the_inbox_gives_the_oldest_first_and_other_folders_the_newest(database: Database) -> None:
    inbox = add(database, *(arrival() for _ in range(3)))
    sent = add(database, *(make_message(status=Status.SUBMITTED) for _ in range(3)))
    assert listed(database, Folder.INBOX, limit=2) == sorted(inbox)[:2]
    assert listed(database, Folder.SENT, limit=2) == sorted(sent, reverse=True)[:2]


def test_what_is_held_is_given_to_nobody_else_until_its_time_is_over(database: Database) -> None:
    ids = sorted(add(database, *(arrival() for _ in range(3))))
    assert hold(database, limit=2) == ids[:2]
    assert listed(database, Folder.INBOX) == ids[2:]
    assert hold(database) == ids[2:]
    assert hold(database) == []
    assert hold(database, now_ms=LATER_MS) == ids


def test_what_is_given_back_can_be_fetched_again_at_once(database: Database) -> None:
    (name,) = add(database, arrival())
    hold(database)
    database.write(lambda sql: folders.release(sql, [name]))
    assert hold(database) == [name]


def test_what_is_marked_stays_in_the_inbox_and_is_not_held_again(database: Database) -> None:
    (name,) = add(database, arrival())
    hold(database)
    database.write(lambda sql: folders.mark(sql, [name], at=NOW))
    assert hold(database, now_ms=LATER_MS) == []
    assert listed(database, Folder.INBOX, unmarked=True) == []
    assert listed(database, Folder.INBOX) == [name]


def test_what_is_deleted_is_in_that_folder_only_and_keeps_its_first_date(database: Database) -> None:
    (name,) = add(database, arrival())
    database.write(lambda sql: folders.delete(sql, [name], at=NOW))
    database.write(lambda sql: folders.delete(sql, [name], at=NOW + timedelta(days=1)))
    assert listed(database, Folder.INBOX) == []
    assert listed(database, Folder.DELETED) == [name]
    (record,) = database.read(lambda sql: folders.records(sql, [name]))
    assert record.deleted_at == NOW


def test_an_arrival_waits_for_its_media_only_so_long(database: Database) -> None:
    young = arrival(status=Status.FETCHING)
    old = arrival(status=Status.FETCHING, created_at=HELD_BEFORE - timedelta(seconds=1))
    add(database, young, old)
    assert listed(database, Folder.INBOX) == [old.id]
    assert hold(database) == [old.id]


def test_messages_are_known_by_our_id_and_by_the_customers_own_in_any_case(database: Database) -> None:
    one, two = make_message(reference="Own-1"), make_message(reference="own-2")
    foreign = make_message(account="globex", reference="own-3")
    add(database, one, two, foreign)
    names = [one.id.upper(), "own-1", "OWN-2", "Own-1", foreign.id, "own-3", "nobody"]
    found = database.read(lambda sql: folders.named(sql, names, account="acme"))
    # "own-1" and "Own-1" are the same words, but the record holds only what the customer wrote.
    assert {name: kept.id for name, kept in found.items()} == {
        one.id.upper(): one.id,
        "OWN-2": two.id,
        "Own-1": one.id,
    }


def test_names_that_differ_in_case_alone_are_each_told(database: Database) -> None:
    one = make_message(reference="OWN-1")
    add(database, one)
    names = ["own-1", "OWN-1", "Own-1", one.id, one.id.upper()]
    found = database.read(lambda sql: folders.named(sql, names, account="acme"))
    assert {name: kept.id for name, kept in found.items()} == dict.fromkeys(names, one.id)


def test_of_several_messages_with_one_name_the_newest_is_meant(database: Database) -> None:
    many = [make_message(reference="same") for _ in range(3)]
    add(database, *many)
    found = database.read(lambda sql: folders.named(sql, ["same"], account="acme"))
    assert found["same"].id == max(one.id for one in many)


def test_counts_are_of_one_connection_and_of_a_time(database: Database) -> None:
    many = [
        make_message(status=status, connection="one", provider_ref=ref)
        for status, ref in (
            (Status.SUBMITTED, "a"),
            (Status.DELIVERED, "b"),
            (Status.UNDELIVERED, "c"),
            (Status.EXPIRED, None),
            (Status.QUEUED, None),
        )
    ]
    many += [arrival(connection="one"), arrival(connection="one", status=Status.FORWARDED)]
    ids = add(database, *many, make_message(status=Status.SUBMITTED, connection="two"))
    database.write(lambda sql: folders.delete(sql, [ids[1]], at=NOW))

    counted = database.read(lambda sql: folders.count(sql, "one"))
    total: Tally[Counter] = Tally()
    for (direction, status, taken, _), number in counted.items():
        for counter in counters_of(direction, status, taken=taken):
            total[counter] += number

    assert total == {
        Counter.SENT: 3,
        Counter.DELIVERED: 1,
        Counter.UNDELIVERED: 1,
        Counter.FAILED: 1,
        Counter.ACCEPTED: 2,
        Counter.FORWARDED: 1,
    }
    assert sum(database.read(lambda sql: folders.count(sql, "one", since=max(ids))).values()) <= 1
