"""A number is found wherever it stands, on both databases, and gone afterwards."""

import json
from datetime import timedelta

import pytest

from broker.domain.callback import CallbackState
from broker.domain.ids import new_id
from broker.domain.message import Direction, Message, Tag
from broker.domain.optout import Change, OptOutQuery, Wish
from broker.domain.pseudonym import pair_key, pseudonym
from broker.domain.status import Event, Status
from broker.storage import callbacks, erasing, messages, optouts, parked, redaction, submissions, webhooks
from broker.storage.callbacks import Owing, Tried
from broker.storage.database import Database, Sql
from broker.storage.messages import Fresh
from broker.storage.parked import Parked
from broker.storage.submissions import Ended
from broker.storage.tables import messages as message_table
from broker.storage.tables import metadata
from broker.storage.webhooks import Webhook
from tests.factories import NOW, NOW_MS, SENDER, make_message, make_move

KEY = "a test key of thirty-two characters or more"
NUMBER = "+12025550101"
NAME = pseudonym(KEY, NUMBER)
DIGITS = "2025550101"


def filled(sql: Sql) -> list[str]:
    """Enter a number wherever one can stand; return the ids of its messages."""
    body = json.dumps([{"to": NUMBER, "text": f"call {NUMBER}"}]).encode()
    sent = make_message(
        text=f"call {NUMBER}",
        recipient=NUMBER,
        reference=f"order-{DIGITS}",
        note=f"for {NUMBER}",
        callback_url=f"http://acme.example/told?to={DIGITS}",
        tags=(Tag(name="who", value=NUMBER),),
    )
    arrived = make_message(
        direction=Direction.IN, status=Status.RECEIVED, originator=NUMBER, recipient=SENDER, text="STOP"
    )
    others = make_message(
        direction=Direction.IN,
        status=Status.RECEIVED,
        originator="+12025550102",
        recipient=SENDER,
        text="Dinner?",
        tags=(Tag(name="other_recipients", value=f"{NUMBER},+12025550103"),),
    )
    messages.add(sql, [Fresh(message=one, event=event) for one, event in _events(sent, arrived, others)])
    submissions.begin(sql, [(sent.id, 1, "bandwidth-1")], at=NOW)
    ended = Ended(
        message_id=sent.id, number=1, at=NOW, outcome="refused", http_status=400, error=f"no {NUMBER}"
    )
    submissions.end(sql, [ended])
    webhooks.keep(sql, [Webhook(digest="d1", connection="bandwidth-1", at=NOW, body=body)])
    webhooks.keep(sql, [Webhook(digest="d2", connection="bandwidth-1", at=NOW, body=b"\xff" + body)])
    webhooks.keep(
        sql, [Webhook(digest="d3", connection="bandwidth-1", at=NOW, body=b'[{"to": "+12025550109"}]')]
    )
    detail, key = f"no {NUMBER}, or +1202***0101", f"message-failed:carrier-1:1{DIGITS}:4775"
    messages.move(sql, [make_move(sent.id, Event.REFUSE, detail=detail, key=key, webhook="d1")])
    parked.park(
        sql,
        [
            Parked(
                connection="c", key="k", news=f'{{"to": "{NUMBER}"}}', reason="nobody's", at=NOW, due_at=None
            )
        ],
    )
    owing = Owing(
        message_id=sent.id,
        account="acme",
        status=Status.REJECTED,
        at=NOW,
        url="http://x/",
        due_at=0,
        ends_at=1,
    )
    callbacks.owe(sql, [owing])
    error = f"no {NUMBER}"
    name = callbacks.id_of(sent.id, Status.REJECTED)
    callbacks.settle(sql, [Tried(id=name, state=CallbackState.GIVEN_UP, error=error)])
    stop = Change(
        wish=Wish.STOP,
        account="acme",
        sender=SENDER,
        recipient=NUMBER,
        at=NOW,
        who="recipient",
        reason=f"told by {NUMBER}",
        message_id=arrived.id,
        text="STOP",
    )
    optouts.change(sql, pair_key(KEY, SENDER, NUMBER), stop)
    return [sent.id, arrived.id, others.id]


def _events(sent: Message, arrived: Message, others: Message) -> list[tuple[Message, Event]]:
    return [(sent, Event.CLAIM), (arrived, Event.READY), (others, Event.READY)]


def places(sql: Sql) -> list[str]:
    """Return the tables that hold the number in any spelling."""
    found = []
    for table in metadata.sorted_tables:
        rows = [
            {name: bytes(value) if isinstance(value, memoryview) else value for name, value in row.items()}
            for row in sql.execute(table.select()).mappings()
        ]
        if any(DIGITS in repr(row) or "1202***0101" in repr(row) for row in rows):
            found.append(table.name)
    return found


def erase_all(sql: Sql) -> None:
    ids = erasing.of_number(sql, NUMBER, after="", upto=None)
    erasing.erase_messages(sql, redaction.closed(sql, ids), NUMBER, NAME, NOW)
    erasing.erase_webhooks(sql, NUMBER, after="", upto=None)
    erasing.erase_parked(sql, NUMBER)
    erasing.erase_opt_outs(sql, NUMBER, NAME)


def test_a_number_is_gone_from_every_table_and_its_messages_stay(database: Database) -> None:
    ids = database.write(filled)
    before = database.read(places)
    assert before == [
        "callbacks",
        "events",
        "messages",
        "opt_out_changes",
        "opt_outs",
        "parked",
        "submissions",
        "webhooks",
    ]
    kept = database.read(lambda sql: messages.load(sql, ids))

    database.write(erase_all)

    assert database.read(places) == []
    found = database.read(lambda sql: messages.load(sql, ids))
    sent, arrived, others = (found[name] for name in ids)
    assert (sent.recipient, sent.originator, sent.text, sent.reference) == (NAME, SENDER, "", None)
    assert (arrived.originator, arrived.text) == (NAME, "")
    assert (others.originator, others.text) == ("+12025550102", "Dinner?")
    assert others.tags[0].value == f"{NAME},+12025550103"
    assert [found[name].status for name in ids] == [kept[name].status for name in ids]
    bodies = database.read(lambda sql: dict(sql.exec_driver_sql("SELECT digest, body FROM webhooks").all()))  # type: ignore[arg-type]
    assert {name: bytes(body) for name, body in bodies.items()} == {
        "d1": b"[]",
        "d2": b"[]",
        "d3": b'[{"to": "+12025550109"}]',
    }


def test_an_opt_out_stays_in_force_after_its_number_was_erased(database: Database) -> None:
    database.write(filled)
    database.write(erase_all)
    key = pair_key(KEY, SENDER, NUMBER)
    assert database.read(lambda sql: optouts.stopped(sql, [key, "other"])) == {key}
    ((one,), _) = database.read(lambda sql: optouts.page(sql, OptOutQuery()))
    assert (one.recipient, one.text, one.at) == (NAME, "", NOW)


def test_erasing_again_finds_nothing_and_changes_nothing(database: Database) -> None:
    database.write(filled)
    database.write(erase_all)
    rows = database.read(
        lambda sql: repr([sql.execute(table.select()).all() for table in metadata.sorted_tables])
    )
    assert database.read(lambda sql: erasing.of_number(sql, NUMBER, after="", upto=None)) == []
    database.write(erase_all)
    again = database.read(
        lambda sql: repr([sql.execute(table.select()).all() for table in metadata.sorted_tables])
    )
    assert again == rows


@pytest.fixture
def large(database: Database) -> Database:
    """A database with many messages, of which few are the number's."""
    for batch in range(20):
        many = [
            make_message(
                id=new_id(NOW_MS + batch * 1000 + n),
                recipient=NUMBER if n == 7 else f"+1303{batch:03}{n:04}",
                created_at=NOW + timedelta(seconds=batch),
            )
            for n in range(300)
        ]
        database.write(
            lambda sql, many=many: messages.add(sql, [Fresh(message=m, event=Event.REFUSE) for m in many])
        )  # type: ignore[misc]
    database.write(lambda sql: sql.exec_driver_sql("ANALYZE"))
    return database


def test_a_search_goes_through_the_messages_once_by_their_key_and_not_by_more_than_it_is_given(
    large: Database,
) -> None:
    after, found, looks = "", [], 0
    while True:
        upto = large.read(lambda sql: erasing.edge(sql, message_table.c.id, after, 900))  # noqa: B023
        found += large.read(lambda sql: erasing.of_number(sql, NUMBER, after=after, upto=upto))  # noqa: B023
        looks += 1
        if upto is None:
            break
        after = upto
    assert (len(found), looks) == (20, 7)
    statement = (
        "EXPLAIN {} SELECT id FROM messages WHERE id > '{}' AND id <= '{}' AND (originator = 'x' OR recipient = 'x'"
        " OR tags LIKE '%x%') ORDER BY id"
    )
    with large._engine.connect() as connection:
        lite = connection.dialect.name == "sqlite"
        middle = sorted(found)[3]
        query = statement.format("QUERY PLAN" if lite else "", middle, sorted(found)[4])
        plan = " ".join(
            str(row[-1])
            for row in connection.exec_driver_sql(query.replace("%", "%%") if not lite else query)
        )
    assert ("(id>? AND id<?)" if lite else "Index") in plan, plan
    assert "Seq Scan" not in plan
