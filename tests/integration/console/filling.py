"""Messages of every kind for the console to show, some of them written by people who mean harm."""

import io
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256

import orjson
from PIL import Image

from broker.domain.callback import CallbackState
from broker.domain.dead import Kind as Parked
from broker.domain.dead import Letter
from broker.domain.ids import new_id
from broker.domain.logbook import Entry, Kind, Level, Way
from broker.domain.message import Direction, Message, Part, PartState, Tag
from broker.domain.optout import Change, Wish
from broker.domain.pseudonym import pair_key
from broker.domain.status import Event, Status
from broker.keyspace.client import open_sync
from broker.keyspace.presence import Presence
from broker.settings import Settings
from broker.storage import callbacks, dead, logbook, messages, optouts, submissions, webhooks
from broker.storage.callbacks import Owing, Tried
from broker.storage.database import Database, Sql
from broker.storage.dead import Parking
from broker.storage.messages import Fresh, Move
from broker.storage.submissions import Ended
from broker.storage.webhooks import Webhook
from tests.conftest import SECRET_KEY
from tests.factories import NOW_MS, make_message
from tests.integration.workers.test_presence import ONE

HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>{{7*7}}"
NUMBER, OTHER = "+12025550101", "+442079460018"


@dataclass(frozen=True, slots=True, kw_only=True)
class Filled:
    """What was put in."""

    delivered: str
    rejected: str
    inbound: str
    callback: str
    letter: str


def picture() -> bytes:
    """A small red picture."""
    out = io.BytesIO()
    Image.new("RGB", (300, 200), (200, 30, 30)).save(out, "PNG")
    return out.getvalue()


def fill_worker(settings: Settings, *, silent_ms: int = 0) -> None:
    """Have a worker say that it is there, or that it was."""
    with open_sync(settings.redis_url, settings) as client:
        Presence(client).say(ONE)
        told = orjson.loads(client.hget("workers", ONE.name) or b"")
        client.hset("workers", ONE.name, orjson.dumps({**told, "seen_ms": told["seen_ms"] - silent_ms}))


def fill(database: Database, settings: Settings) -> Filled:
    """Put in one message of each kind, and return their ids."""
    now = datetime.now(UTC)
    out = make_message(id=new_id(), created_at=now, text=HOSTILE, subject=HOSTILE, reference="order <b>7</b>")
    bad = make_message(id=new_id(), created_at=now, recipient=OTHER)
    inbound = _arrival(settings, now)

    def job(sql: Sql) -> None:
        claimed = {"event": Event.CLAIM, "due_at": NOW_MS, "connection": "bandwidth-1"}
        messages.add(sql, [Fresh(message=one, **claimed) for one in (out, bad)])
        submissions.begin(sql, [(out.id, 1, "bandwidth-1"), (bad.id, 1, "bandwidth-1")], at=now)
        taken = Ended(
            message_id=out.id, number=1, at=now + timedelta(seconds=1.5), outcome="sent", http_status=202
        )
        submissions.end(
            sql, [taken, Ended(message_id=bad.id, number=1, at=now, outcome="refused", http_status=400)]
        )
        messages.add(sql, [Fresh(message=inbound, event=None, connection="bandwidth-1")])
        later = now + timedelta(seconds=3)
        moves = [
            Move(id=out.id, event=Event.RECEIPT, at=now, key="r", provider_ref="carrier-ref-1"),
            Move(id=out.id, event=Event.DELIVER, at=later, key="d"),
            Move(id=bad.id, event=Event.REFUSE, at=now, key="x", detail=f"4720 {HOSTILE}"),
        ]
        messages.move(sql, moves)
        entry = Entry(
            at=now,
            connection="bandwidth-1",
            kind=Kind.HTTP_RESPONSE,
            level=Level.WARN,
            direction=Way.IN,
            text=f"400 {HOSTILE}",
            message_id=bad.id,
            headers={"server": HOSTILE},
            body=f'{{"error":"{HOSTILE}"}}',
        )
        logbook.write(sql, [entry])
        owing = Owing(
            message_id=out.id,
            account="acme",
            status=Status.DELIVERED,
            at=now,
            url=f"https://customer.example/a?secret=pssst&x={HOSTILE}",
            due_at=NOW_MS,
            ends_at=NOW_MS,
        )
        callbacks.owe(sql, [owing])
        given_up = Tried(
            id=callbacks.id_of(out.id, Status.DELIVERED),
            state=CallbackState.GIVEN_UP,
            http_status=500,
            error=HOSTILE,
        )
        callbacks.settle(sql, [given_up])
        dead.park(sql, [Parking(letter=letter)])

    letter = Letter(
        id=new_id(),
        kind=Parked.WEBHOOK,
        subject="ab" * 32,
        account=None,
        connection="bandwidth-1",
        at=now,
        tries=3,
        error="ValueError",
        where=("services/events.py:10 take",),
    )
    database.write(job)
    return Filled(
        delivered=out.id,
        rejected=bad.id,
        inbound=inbound.id,
        callback=callbacks.id_of(out.id, Status.DELIVERED),
        letter=letter.id,
    )


def fill_waiting(database: Database, *, due_ms: int = NOW_MS) -> str:
    """Put in a message that waits for its next try, and return its id."""
    now = datetime.now(UTC)
    one = make_message(id=new_id(), created_at=now, valid_until=now + timedelta(days=1))
    defer = Move(id=one.id, event=Event.DEFER, at=now, key="w", due_at=due_ms)

    def job(sql: Sql) -> None:
        messages.add(sql, [Fresh(message=one, event=Event.CLAIM, due_at=NOW_MS, connection="bandwidth-1")])
        messages.move(sql, [defer])

    database.write(job)
    return one.id


def fill_beside(database: Database) -> str:
    """Put in an opt-out, and two webhooks that fit no message; return the digest of one that nobody can read."""
    now = datetime.now(UTC)
    change = Change(
        wish=Wish.STOP,
        account="acme",
        sender="+12025550150",
        recipient=NUMBER,
        at=now,
        who="recipient",
        reason=HOSTILE,
        text=f"STOP {HOSTILE}",
    )
    bodies = (HOSTILE.encode(), b"[]")
    rows = [
        Webhook(digest=sha256(body).hexdigest(), connection="bandwidth-1", at=now, body=body, verdict=HOSTILE)
        for body in bodies
    ]

    def job(sql: Sql) -> None:
        optouts.change(sql, pair_key(SECRET_KEY, change.sender, change.recipient), change)
        webhooks.keep(sql, rows)

    database.write(job)
    return rows[0].digest


def _arrival(settings: Settings, now: datetime) -> Message:
    one = new_id()
    folder = settings.attachments / one
    folder.mkdir(parents=True)
    path = folder / "1-a picture.png"
    path.write_bytes(picture())
    stored = Part(
        index=1,
        content_type="image/png",
        name=f"{HOSTILE}.png",
        state=PartState.STORED,
        size=path.stat().st_size,
        sha256="ab" * 32,
        path=str(path),
    )
    lost = Part(index=2, content_type="video/3gpp", state=PartState.LOST, error=HOSTILE)
    return make_message(
        id=one,
        created_at=now,
        direction=Direction.IN,
        status=Status.INCOMPLETE,
        originator=NUMBER,
        recipient="+12025550150",
        text="look",
        parts=(stored, lost),
        tags=(Tag(name="attachment", value=str(path)), Tag(name=HOSTILE, value="hidden words")),
    )
