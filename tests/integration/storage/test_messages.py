"""Messages move as the table says, on both databases."""

import itertools
import threading

import pytest
from sqlalchemy import Connection

from broker.domain.message import Part, PartState
from broker.domain.status import Event, Status
from broker.domain.value import replace
from broker.storage import due, messages, reading, submissions
from broker.storage.database import Database
from broker.storage.messages import Fresh
from broker.storage.submissions import Ended
from tests.factories import NOW, NOW_MS, make_message, make_move


def add_claimed(database: Database) -> str:
    message = make_message(connection="bandwidth-1")
    database.write(lambda sql: messages.add(sql, [Fresh(message=message, event=Event.CLAIM, due_at=NOW_MS)]))
    return message.id


def status_of(database: Database, message_id: str) -> Status:
    return database.read(lambda sql: messages.load(sql, [message_id]))[message_id].status


def test_a_message_reads_back_as_it_was_written(database: Database) -> None:
    part = Part(
        index=1, content_type="image/png", name="a.png", state=PartState.STORED, size=3, path="/x/a.png"
    )
    message = make_message(parts=(part,), subject="s", reference="r", members=(), priority="high")
    message = replace(message, number=(1 << 63) - 1, note="n" * 160, subaccount="north", reports=15)
    database.write(lambda sql: messages.add(sql, [Fresh(message=message, event=None)]))
    assert database.read(lambda sql: messages.load(sql, [message.id])) == {message.id: message}


def test_adding_a_message_again_changes_nothing_and_says_so(database: Database) -> None:
    message = make_message()
    fresh = [Fresh(message=message, event=Event.CLAIM, due_at=NOW_MS)]
    assert database.write(lambda sql: messages.add(sql, fresh)) == {message.id}
    assert database.write(lambda sql: messages.add(sql, fresh)) == set()
    record = database.read(lambda sql: reading.record(sql, message.id, account="acme"))
    assert record is not None
    assert [event.type for event in record.events] == ["admit", "claim"]


def test_an_arrival_that_came_before_is_not_added_again(database: Database) -> None:
    first, second = make_message(), make_message()
    for message, added in ((first, {first.id}), (second, set())):
        fresh = [Fresh(message=message, event=None, inbound_key="bandwidth-1:x")]
        assert database.write(lambda sql, fresh=fresh: messages.add(sql, fresh)) == added


@pytest.mark.parametrize(
    "order", list(itertools.permutations([Event.RECEIPT, Event.HAND_OFF, Event.DELIVER, Event.MISS]))
)
def test_reports_in_any_order_end_in_delivery(database: Database, order: tuple[Event, ...]) -> None:
    message_id = add_claimed(database)
    database.write(lambda sql: messages.move(sql, [make_move(message_id, event) for event in order]))
    assert status_of(database, message_id) is Status.DELIVERED


def test_events_that_move_nothing_are_kept_all_the_same(database: Database) -> None:
    message_id = add_claimed(database)
    for event in (Event.DELIVER, Event.MISS, Event.DELIVER):
        database.write(lambda sql, event=event: messages.move(sql, [make_move(message_id, event)]))
    record = database.read(lambda sql: reading.record(sql, message_id, account="acme"))
    assert record is not None
    assert [(event.type, event.status) for event in record.events[2:]] == [
        ("deliver", "delivered"),
        ("miss", None),
    ]


def test_an_outcome_that_came_too_late_for_its_attempt_moves_nothing(database: Database) -> None:
    message_id = add_claimed(database)
    moves = [
        make_move(message_id, Event.LOSE, attempt=1),
        make_move(message_id, Event.RESEND, attempt=1, possible_duplicate=True),
        make_move(message_id, Event.CLAIM, key="claim.2"),
        make_move(message_id, Event.DEFER, attempt=1),
        make_move(message_id, Event.MISS, attempt=1),
    ]
    database.write(lambda sql: messages.move(sql, moves))
    assert status_of(database, message_id) is Status.SUBMITTING


def test_a_receipt_that_was_overtaken_still_leaves_the_carriers_reference(database: Database) -> None:
    message_id = add_claimed(database)
    moves = [make_move(message_id, Event.DELIVER), make_move(message_id, Event.RECEIPT, provider_ref="ref-1")]
    database.write(lambda sql: messages.move(sql, moves))
    message = database.read(lambda sql: messages.load(sql, [message_id]))[message_id]
    assert (message.status, message.provider_ref) == (Status.DELIVERED, "ref-1")


def test_what_ends_is_not_due_any_more(database: Database) -> None:
    message_id = add_claimed(database)
    assert database.read(lambda sql: due.due(sql, NOW_MS, limit=9)) == [(NOW_MS, message_id, False)]
    database.write(lambda sql: messages.move(sql, [make_move(message_id, Event.DELIVER)]))
    assert database.read(lambda sql: due.due(sql, NOW_MS, limit=9)) == []


def test_only_one_of_many_claims_wins(database: Database) -> None:
    message = make_message()
    fresh = [Fresh(message=message, event=Event.TAKE, due_at=NOW_MS)]
    database.write(lambda sql: messages.add(sql, fresh))

    def claim(sql: Connection) -> int:
        found = messages.claimable(sql, [message.id], NOW_MS)
        return len(messages.move(sql, [make_move(name, Event.CLAIM, due_at=NOW_MS + 1) for name in found]))

    won: list[int] = []
    threads = [threading.Thread(target=lambda: won.append(database.write(claim))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(won) == 1


def test_a_waiting_message_cannot_be_claimed_before_it_is_due(database: Database) -> None:
    message = make_message()
    database.write(lambda sql: messages.add(sql, [Fresh(message=message, event=Event.TAKE, due_at=NOW_MS)]))
    assert database.read(lambda sql: messages.claimable(sql, [message.id], NOW_MS - 1)) == {}
    assert database.read(lambda sql: messages.claimable(sql, [message.id], NOW_MS)).keys() == {message.id}


def test_a_groups_leader_brings_its_members(database: Database) -> None:
    ids = tuple(make_message().id for _ in range(3))
    group = [
        make_message(id=one, members=ids, group=True, batch="b", recipient=f"+1202555010{n}")
        for n, one in enumerate(ids)
    ]
    fresh = [Fresh(message=one, event=Event.TAKE, due_at=NOW_MS) for one in group]
    database.write(lambda sql: messages.add(sql, fresh))
    assert database.read(lambda sql: messages.claimable(sql, [ids[0]], NOW_MS)).keys() == set(ids)


def test_attempts_are_rows_with_a_beginning_and_an_end(database: Database) -> None:
    message_id = add_claimed(database)
    database.write(lambda sql: submissions.begin(sql, [(message_id, 1, "bandwidth-1")], at=NOW))
    ended = Ended(message_id=message_id, number=1, at=NOW, outcome="sent", http_status=202)
    database.write(lambda sql: submissions.end(sql, [ended]))
    record = database.read(lambda sql: reading.record(sql, message_id, account="acme"))
    assert record is not None
    assert [(one.number, one.outcome, one.http_status) for one in record.attempts] == [(1, "sent", 202)]


def test_another_accounts_message_is_not_found(database: Database) -> None:
    message_id = add_claimed(database)
    assert database.read(lambda sql: reading.record(sql, message_id, account="other")) is None


def test_the_guarded_update_goes_by_the_primary_key_whatever_the_status(database: Database) -> None:
    # SQLite would take an index that begins with the status, and become quadratic in what is in flight.
    for _ in range(3):
        add_claimed(database)
    plan = database.read(explain_guarded_update)
    assert "sqlite_autoindex_messages_1 (id=?)" in plan or "Index Cond: ((id)::text = 'x'::text)" in plan


def explain_guarded_update(sql: Connection) -> str:
    statement = str(
        messages.GUARDED.compile(dialect=sql.dialect, compile_kwargs={"render_postcompile": True})
    )
    values = dict.fromkeys(messages.GUARDED.compile().params) | {
        "b_id": "x",
        "b_status": "submitting",
    }
    if sql.dialect.name == "sqlite":
        rows = sql.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", tuple(_ordered(statement, values)))
        return "\n".join(str(row) for row in rows)
    sql.exec_driver_sql("SET LOCAL enable_seqscan = off")  # so few rows are not worth an index
    return "\n".join(str(row) for row in sql.exec_driver_sql(f"EXPLAIN {statement}", values))


def _ordered(statement: str, values: dict[str, str | None]) -> list[str | None]:
    return [None] * (statement.count("?") - 2) + [values["b_id"], values["b_status"]]
