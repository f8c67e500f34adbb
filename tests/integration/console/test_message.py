"""A message's page: its attempts with what was said in each, and a timeline that tells of media, ways and callbacks."""

import re
from datetime import UTC, datetime, timedelta
from html import unescape

from broker.domain.callback import CallbackState
from broker.domain.ids import new_id
from broker.domain.logbook import Entry, Kind, Way
from broker.domain.message import Message, Part, PartState
from broker.domain.status import Event, Status
from broker.domain.value import replace
from broker.domain.wire import Request, Response
from broker.errors import Unavailable
from broker.services.outcome import Verdict, end_of
from broker.services.recording import Notes, fetches, submitted
from broker.storage import callbacks, logbook, messages, submissions
from broker.storage.callbacks import Owing, Tried
from broker.storage.database import Database, Sql
from broker.storage.messages import Fresh, Move
from tests.factories import make_message
from tests.integration.console.conftest import Answer, Console

SECRET = "a password of the carrier's"
URL = "https://carrier.example/api/v2/accounts/a/messages"
ASKED = Request(
    method="POST",
    url=f"{URL}?key={SECRET}",
    headers={"Authorization": f"Basic {SECRET}", "Content-Type": "application/json"},
    body=b'{"to":["+12025550101"],"text":"it\'s for you","tag":"t.1"}',
)


def attempt(sql: Sql, message: Message, number: int, connection: str, at: datetime, *said: object) -> None:
    """Record an attempt as a worker does: its row, then what was said with its end."""
    one = replace(message, attempts=number, connection=connection)
    submissions.begin(sql, [(message.id, number, connection)], at=at)
    notes = Notes()
    seconds = at.timestamp()
    notes.said = [(seconds + n / 10, each) for n, each in enumerate((ASKED, *said), start=1)]
    taken = isinstance(said[-1], Response) and said[-1].status == 202
    verdict = (
        Verdict(event=Event.RECEIPT, http_status=202, provider_ref="ref-1")
        if taken
        else Verdict(event=Event.DEFER, http_status=503, detail="they answered 503")
    )
    ended_ms = round(seconds * 1000) + 700
    submissions.end(sql, [end_of(one, verdict, now_ms=ended_ms, exchange=logbook.IN_LOGBOOK)])
    found = submitted(notes, one, verdict)
    found[-1] = replace(found[-1], at=at + timedelta(seconds=0.7))
    logbook.write(sql, found)


def fill(database: Database) -> str:
    """Put in a message that was tried over two connections, with a webhook beside it; return its id."""
    at = datetime.now(UTC) - timedelta(minutes=5)
    one = make_message(id=new_id(), created_at=at, valid_until=at + timedelta(days=1))

    def job(sql: Sql) -> None:
        messages.add(sql, [Fresh(message=one, event=Event.CLAIM, due_at=0, connection="bandwidth-1")])
        attempt(sql, one, 1, "bandwidth-1", at, Response(status=503, headers={"retry-after": "3"}))
        later = at + timedelta(seconds=10)
        busy = Unavailable("cannot connect")
        attempt(sql, one, 2, "second", later, busy, ASKED, Response(status=202, body=b'{"id":"ref-1"}'))
        report = Entry(
            at=at + timedelta(seconds=20),
            connection="bandwidth-1",
            kind=Kind.HTTP_REQUEST,
            direction=Way.IN,
            text="POST /webhooks/bandwidth-1",
            message_id=one.id,
            body='{"type":"message-delivered"}',
        )
        logbook.write(sql, [report])

    database.write(job)
    return one.id


def sections(page: Answer) -> list[str]:
    """Return the blocks of the attempts."""
    within = page.text.partition("<h2>Attempts</h2>")[2].partition("<h2>What else")[0]
    return [unescape(one) for one in within.split('<details class="card attempt"')[1:]]


async def test_each_attempt_shows_its_own_exchanges_side_by_side_and_what_else_was_said_comes_after(
    console: Console,
) -> None:
    name = fill(console.database)
    page = await (await console.person()).get(f"/console/messages/{name}")
    first, second = sections(page)
    assert "Attempt 1</b> over bandwidth-1" in first
    assert "HTTP 503 in 700 ms" in first
    assert "not sent" in first
    assert (first.count("<h3>Request"), first.count("<h3>Response")) == (1, 1)
    assert f'<pre class="exchange">POST {URL}\n' in first
    assert '<pre class="exchange">503\nretry-after: 3</pre>' in first
    assert "Attempt 2</b> over second" in second
    assert (second.count("<h3>Request"), second.count("<h3>Response")) == (2, 2)
    assert "no answer: cannot connect" in second
    assert '202\n\n{"id":"ref-1"}</pre>' in second
    assert " open>" in second, "the last one"
    rest = page.text.partition("<h2>What else was said</h2>")[2].partition("<h2>Content</h2>")[0]
    assert "POST /webhooks/bandwidth-1" in rest
    assert URL not in rest


async def test_a_request_is_shown_as_a_command_without_what_is_secret(console: Console) -> None:
    name = fill(console.database)
    page = await (await console.person("ada")).get(f"/console/messages/{name}")
    first, _ = sections(page)
    (command,) = re.findall(r'data-copy="(.*?)" hidden', first, re.DOTALL)
    assert command.startswith(f"curl -X POST {URL} ")
    assert "-H 'content-type: application/json'" in command
    assert '-H "Authorization: $CARRIER_LOGIN"' in command
    assert '"tag":"t.1"' in command
    assert "+1202***0101" in command
    for private in (SECRET, "for you", "+12025550101", "***'"):
        assert private not in page.text, private


async def test_the_timeline_tells_ways_and_why(console: Console) -> None:
    name = fill(console.database)
    page = await (await console.person()).get(f"/console/messages/{name}")
    assert "routed to bandwidth-1, by its account and sender" in page.seen
    assert "routed to second, since bandwidth-1 did not take attempt 1" in page.seen
    assert "attempt 1 not sent, HTTP 503, they answered 503 in 700 ms" in page.seen.replace("! ", "")
    assert re.search(r"9\.\d s passed", page.seen)
    at = datetime.now(UTC)
    pinned = make_message(id=new_id(), created_at=at, pinned=True, connection="second")
    fresh = Fresh(message=pinned, event=Event.CLAIM, due_at=0, connection="second")
    console.database.write(lambda sql: messages.add(sql, [fresh]))
    page = await (await console.person()).get(f"/console/messages/{pinned.id}")
    assert "routed to second, which its customer named" in page.seen


async def test_the_timeline_tells_what_media_was_fetched_and_stored(console: Console) -> None:
    at = datetime.now(UTC) - timedelta(minutes=1)
    part = Part(
        index=1,
        content_type="image/jpeg",
        state=PartState.STORED,
        size=412,
        sha256="ab" * 32,
        path="/x/1-a.jpg",
        url=f"https://media.example/a.jpg?key={SECRET}",
    )
    lost = Part(index=2, content_type="", state=PartState.LOST, error="the media host answered 404")
    one = make_message(id=new_id(), created_at=at, parts=(part, lost), connection="bandwidth-1")

    def job(sql: Sql) -> None:
        messages.add(sql, [Fresh(message=one, event=Event.PREPARE, connection="bandwidth-1")])
        logbook.write(sql, fetches(one, [part, lost], at.timestamp()))

    console.database.write(job)
    page = await (await console.person()).get(f"/console/messages/{one.id}")
    steps = page.seen.partition("What happened")[2].partition("What was said")[0]
    assert "media GET https://media.example/a.jpg" in steps
    assert "media part 1 stored: image/jpeg, 412 bytes, sha256 abab" in steps
    assert "media part 2: the media host answered 404" in steps
    assert SECRET not in page.text


async def test_an_owed_callback_says_when_its_next_try_is_due(console: Console) -> None:
    at = datetime.now(UTC)
    one = make_message(id=new_id(), created_at=at)
    due = datetime(2033, 4, 5, 6, 7, 8, tzinfo=UTC)
    owing = Owing(
        message_id=one.id,
        account="acme",
        status=Status.DELIVERED,
        at=at,
        url="https://customer.example/told",
        due_at=0,
        ends_at=0,
    )
    tried = Tried(
        id=callbacks.id_of(one.id, Status.DELIVERED),
        state=CallbackState.OWED,
        due_at=round(due.timestamp() * 1000),
        http_status=500,
        error="answered 500",
    )

    def job(sql: Sql) -> None:
        messages.add(sql, [Fresh(message=one, event=Event.CLAIM, due_at=0, connection="bandwidth-1")])
        callbacks.owe(sql, [owing])
        callbacks.settle(sql, [tried])

    console.database.write(job)
    page = await (await console.person()).get(f"/console/messages/{one.id}")
    assert "callback “delivered” owed, 0 tries, next at 2033-04-05 06:07:08 UTC" in page.seen
    assert "answered 500, next 2033-04-05 06:07:08" in page.seen
    console.database.write(
        lambda sql: callbacks.settle(sql, [replace(tried, state=CallbackState.TOLD, due_at=None)])
    )
    assert "next at" not in (await (await console.person()).get(f"/console/messages/{one.id}")).seen


async def test_an_attempt_under_way_says_so(console: Console) -> None:
    at = datetime.now(UTC)
    one = make_message(id=new_id(), created_at=at)

    def job(sql: Sql) -> None:
        messages.add(sql, [Fresh(message=one, event=Event.CLAIM, due_at=0, connection="bandwidth-1")])
        submissions.begin(sql, [(one.id, 1, "bandwidth-1")], at=at)
        messages.move(sql, [Move(id=one.id, event=Event.LOSE, at=at, key="l", due_at=0)])

    console.database.write(job)
    page = await (await console.person()).get(f"/console/messages/{one.id}")
    (only,) = sections(page)
    assert "under way" in only
    assert "What was said is kept when it ends." in only
