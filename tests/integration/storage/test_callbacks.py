"""What customers are owed, on both databases."""

from typing import Any

from broker.domain.callback import CallbackState
from broker.domain.ids import new_id
from broker.domain.status import Status
from broker.storage import callbacks
from broker.storage.callbacks import Due, Owing, Tried
from broker.storage.database import Database
from broker.storage.tables import callbacks as table
from tests.factories import NOW, NOW_MS

URL = "http://customer.example/told"
LEASE_MS = 60_000


def owing(**changes: Any) -> Owing:
    """News of a message of `acme` that is due now."""
    values = {
        "message_id": new_id(),
        "account": "acme",
        "status": Status.SUBMITTED,
        "at": NOW,
        "url": URL,
        "due_at": NOW_MS,
        "ends_at": NOW_MS + 1_000_000,
    }
    return Owing(**{**values, **changes})


def owe(database: Database, *items: Owing) -> None:
    database.write(lambda sql: callbacks.owe(sql, items))


def claim(database: Database, now_ms: int = NOW_MS, *, most: int = 100) -> list[Due]:
    """Claim what is due for every endpoint."""
    ends_at = now_ms + 1_000_000
    return database.write(
        lambda sql: callbacks.claim(
            sql,
            dict.fromkeys(callbacks.endpoints(sql, now_ms), most),
            now_ms=now_ms,
            until_ms=now_ms + LEASE_MS,
            ends_at=ends_at,
        )
    )


def settle(database: Database, *tried: Tried) -> None:
    database.write(lambda sql: callbacks.settle(sql, tried))


def states(database: Database) -> dict[str, str]:
    return database.read(lambda sql: {row.id: row.state for row in sql.execute(table.select())})


def test_the_callbacks_of_a_message_are_numbered_and_owed_once(database: Database) -> None:
    first = owing()
    then = owing(message_id=first.message_id, status=Status.RELAYED)
    last = owing(message_id=first.message_id, status=Status.DELIVERED)
    owe(database, first)
    owe(database, then, last)
    owe(database, first, last)

    found = {due.status: due.seq for due in claim(database)}

    assert found == {Status.SUBMITTED: 1, Status.RELAYED: 2, Status.DELIVERED: 3}


def test_a_claimed_callback_comes_back_only_when_its_lease_is_over(database: Database) -> None:
    owe(database, owing())

    assert [due.attempts for due in claim(database)] == [1]
    assert claim(database) == []
    assert [due.attempts for due in claim(database, NOW_MS + LEASE_MS)] == [2]


def test_what_was_told_or_given_up_is_never_due_again(database: Database) -> None:
    owe(database, owing(), owing(), owing())
    told, also, lost = claim(database)

    settle(
        database,
        Tried(id=told.id, state=CallbackState.TOLD, http_status=200),
        Tried(id=also.id, state=CallbackState.TOLD, http_status=200),
        Tried(id=lost.id, state=CallbackState.GIVEN_UP, error="no answer"),
    )
    settle(database, Tried(id=told.id, state=CallbackState.OWED, due_at=NOW_MS))

    assert database.read(lambda sql: callbacks.endpoints(sql, NOW_MS * 2)) == []
    assert states(database) == {told.id: "told", also.id: "told", lost.id: "given_up"}


def test_only_endpoints_with_something_due_are_found_and_each_gets_its_share(database: Database) -> None:
    many = [owing(url="http://many.example/") for _ in range(5)]
    owe(database, *many, owing(url="http://one.example/"))
    owe(database, owing(url="http://later.example/", due_at=NOW_MS + 1), owing(account="globex"))

    assert database.read(lambda sql: callbacks.endpoints(sql, NOW_MS)) == [
        "acme many.example",
        "acme one.example",
        "globex customer.example",
    ]
    found = [due.endpoint for due in claim(database, most=2)]
    assert sorted(found) == [
        "acme many.example",
        "acme many.example",
        "acme one.example",
        "globex customer.example",
    ]


def test_nothing_is_sent_to_a_url_that_is_gone_and_nothing_is_lost(database: Database) -> None:
    owe(database, owing())
    (gone,) = claim(database)
    settle(database, Tried(id=gone.id, state=CallbackState.HELD, http_status=410))
    owe(database, owing(), owing(), owing(account="globex"))

    assert [due.account for due in claim(database)] == ["globex"]

    database.write(lambda sql: callbacks.resume(sql, "acme", URL))
    later = NOW_MS + 5
    assert [(due.account, due.attempts, due.ends_at) for due in claim(database, later)] == [
        ("acme", 1, later + 1_000_000)
    ] * 3


def test_what_is_owed_follows_an_account_to_its_new_url(database: Database) -> None:
    owe(database, owing(), owing(url="http://of-one-message.example/"))

    database.write(lambda sql: callbacks.resume(sql, "acme", URL, to="https://new.example/x"))

    assert sorted((due.endpoint, due.url) for due in claim(database)) == [
        ("acme new.example", "https://new.example/x"),
        ("acme of-one-message.example", "http://of-one-message.example/"),
    ]


def test_a_text_that_was_not_told_ahead_of_its_media_is_told_with_it(database: Database) -> None:
    early, sent = (owing(status=Status.FETCHING, due_at=NOW_MS + n) for n in (50, 0))
    owe(database, early, sent)
    assert [due.message_id for due in claim(database)] == [sent.message_id]

    whole = [
        owing(message_id=one.message_id, status=Status.READY, due_at=NOW_MS + 60) for one in (early, sent)
    ]
    owe(database, *whole)

    found = {(due.message_id, due.status): due.seq for due in claim(database, NOW_MS + 60)}
    assert found == {(early.message_id, Status.READY): 1, (sent.message_id, Status.READY): 2}
