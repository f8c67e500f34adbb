"""What carriers told: nothing is dropped, what fits nothing waits, and reading it again has no second effect."""

import json
import random
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from sqlalchemy import select

from broker.dispatch import Queue
from broker.domain.status import Status
from broker.services import adoption, events, submit
from broker.services.rereading import PAGE, Reread, Stretch, reread
from broker.storage import parked, provision
from broker.storage.tables import messages, metadata
from broker.storage.webhooks import Place
from tests.integration.workers.carrier import Carrier
from tests.integration.workers.conftest import World
from tests.integration.workers.test_events import arrive, delivered

OURS, THEIRS, NOBODYS = "+12025550150", "+12025550101", "+12025550177"
EVER = Stretch(since=datetime(2000, 1, 1, tzinfo=UTC), until=datetime(2100, 1, 1, tzinfo=UTC))
WHEN = "2026-11-21T12:00:00.000Z"


def inbound(reference: str, *, to: str = OURS, text: str = "hi", media: tuple[str, ...] = ()) -> bytes:
    """Return what the carrier posts when a phone has sent something."""
    message = {
        "id": reference,
        "owner": to,
        "applicationId": "app-1",
        "time": WHEN,
        "segmentCount": 1,
        "direction": "in",
        "to": [to],
        "from": THEIRS,
        "text": text,
        "media": list(media),
    }
    return json.dumps([{"type": "message-received", "time": WHEN, "to": to, "message": message}]).encode()


def provide(world: World, carrier: Carrier, numbers: list[str], **connection: Any) -> None:
    """Give the account numbers of its own, and change the connection."""
    document: dict[str, Any] = {
        "accounts": [
            {
                "name": "acme",
                "api_keys": ["a"],
                "senders": [OURS],
                "inbound_numbers": numbers,
                "callback_url": "http://127.0.0.1:9/told",
            }
        ],
        "connections": [{**carrier.connection(), **connection}],
    }
    secret_key = world.settings.secret_key.get_secret_value()
    world.runtime.database.write(lambda sql: provision.apply(sql, document, secret_key=secret_key))
    world.runtime.directory.forget()


def everything(world: World) -> dict[str, list[Any]]:
    """Return every row there is."""
    return world.runtime.database.read(
        lambda sql: {
            name: sorted(map(repr, sql.execute(select(table)).all()))
            for name, table in metadata.tables.items()
        }
    )


def replay(world: World, stretch: Stretch = EVER) -> list[Reread]:
    """Read a stretch of the journal again, page by page, as operators do."""
    known = world.runtime.directory.look()
    now_ms = world.runtime.ready.now_ms()
    pages: list[Reread] = []
    after: Place | None = None
    while True:
        pages.append(
            world.runtime.database.write(
                lambda sql, after=after: reread(
                    sql, stretch=stretch, after=after, known=known, now_ms=now_ms, settings=world.settings
                )
            )
        )
        after = pages[-1].last
        if after is None:
            return pages


def arrivals(world: World) -> list[str]:
    """Return the texts of what arrived."""
    table = metadata.tables["messages"]
    return list(
        world.runtime.database.read(
            lambda sql: (
                sql.execute(select(table.c.text).where(table.c.direction == "in").order_by(table.c.id))
                .scalars()
                .all()
            )
        )
    )


def waiting(world: World) -> dict[str, int]:
    return world.runtime.database.read(parked.counts)


def test_what_arrived_for_nobodys_number_is_taken_in_once_the_number_is_somebodys(
    world: World, carrier: Carrier
) -> None:
    arrive(world.settings, inbound("in-1", to=NOBODYS, text="first", media=(f"{carrier.url}/a.jpg",)))
    arrive(world.settings, inbound("in-2", to="+12025550178", text="another's"))
    events.take(world.runtime)
    assert adoption.adopt(world.runtime) == 0
    assert arrivals(world) == []
    provide(world, carrier, [NOBODYS])
    assert adoption.adopt(world.runtime) == 1
    assert arrivals(world) == ["first"]
    assert waiting(world) == {"nobody's number": 1}
    assert world.runtime.ready.waiting(Queue.MEDIA) == 1, "its media is fetched"
    assert adoption.adopt(world.runtime) == 0
    arrive(world.settings, inbound("in-1", to=NOBODYS, text="first"))
    events.take(world.runtime)
    assert arrivals(world) == ["first"], "a repeat is the same arrival"


def test_what_was_parked_first_is_in_the_trace_of_the_webhook_that_brought_it(
    world: World, carrier: Carrier
) -> None:
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    arrive(world.settings, inbound("in-1", to=NOBODYS, text="traced"), trace=trace)
    arrive(world.settings, inbound("in-2", to=NOBODYS, text="not traced"))
    events.take(world.runtime)
    provide(world, carrier, [NOBODYS])
    assert adoption.adopt(world.runtime) == 2
    read, m = world.runtime.database.read, messages.c
    found = read(lambda sql: sql.execute(select(m.text, m.trace).where(m.direction == "in")).all())
    assert {(row.text, row.trace or "") for row in found} == {("traced", trace), ("not traced", "")}


def test_of_many_arrivals_for_a_new_number_all_are_taken_in_at_once(world: World, carrier: Carrier) -> None:
    texts = [f"{n:03}" for n in range(adoption.MOST + 50)]
    for start in range(0, len(texts), 100):
        arrive(world.settings, *(inbound(f"in-{t}", to=NOBODYS, text=t) for t in texts[start : start + 100]))
    while world.runtime.ready.fresh(Queue.EVENTS):
        events.take(world.runtime)
    provide(world, carrier, [NOBODYS])
    assert adoption.adopt(world.runtime) == len(texts)
    assert sorted(arrivals(world)) == texts


def test_parked_news_is_counted_and_what_had_no_effect_too(world: World, carrier: Carrier) -> None:
    (one,) = world.admit()
    submit.take(world.runtime, Queue.SUBMIT)
    stranger = "0197a1b2-c3d4-7e5f-8a6b-0c1d2e3f4a5b"
    told = (
        delivered(one),
        delivered(one, time="2026-11-21T12:00:01.000Z"),
        delivered(one, failed=4720),
        delivered(stranger),
        inbound("in-1", to=NOBODYS),
        b"not JSON",
        json.dumps([{"type": "message-danced", "time": WHEN, "message": {"id": "m"}}]).encode(),
    )
    for body in told:
        arrive(world.settings, body)
        events.take(world.runtime)
    assert waiting(world) == {"no such message": 1, "nobody's number": 1}
    lines = world.runtime.meter.page().decode().splitlines()
    for outcome, number in (
        ("moved", 1),
        ("parked", 2),
        ("repeated", 1),
        ("contradictory", 1),
        ("unreadable", 1),
        ("unknown_word", 1),
    ):
        assert f'broker_events_total{{outcome="{outcome}"}} {number}.0' in lines
    assert world.status(one) is Status.DELIVERED


@hypothesis_settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(seed=st.integers(0, 10**6))
def test_reading_everything_again_changes_nothing(world: World, carrier: Carrier, seed: int) -> None:
    dice = random.Random(seed)
    provide(world, carrier, [OURS])
    ids = world.admit(3)
    for _ in range(2):
        carrier.faults(accept_then_drop=dice.choice([0, 0.5]))
        submit.take(world.runtime, Queue.SUBMIT)
    strangers = ["0197a1b2-c3d4-7e5f-8a6b-0c1d2e3f4a5b", ids[0]]
    for _ in range(12):
        body = dice.choice(
            [
                delivered(dice.choice(ids), attempt=dice.randint(1, 2)),
                delivered(
                    dice.choice(ids), failed=dice.choice([4720, 4770, 9999]), attempt=dice.randint(1, 2)
                ),
                delivered(dice.choice(strangers), time=f"2026-11-21T12:00:0{dice.randint(0, 9)}.000Z"),
                inbound(f"in-{seed}-{dice.randint(0, 3)}", to=dice.choice([OURS, NOBODYS])),
                inbound(f"in-{seed}-{dice.randint(4, 6)}", text=dice.choice(["STOP", "START", "hello"])),
                b"[",
            ]
        )
        arrive(world.settings, body)
        if dice.random() < 0.7:
            events.take(world.runtime)
    events.take(world.runtime)
    adoption.retry_parked(world.runtime)
    before = everything(world)
    pages = [*replay(world), *replay(world)]
    assert everything(world) == before
    assert sum(page.webhooks for page in pages) > 0


def test_after_a_change_of_what_words_mean_the_missing_news_comes_in_once(
    world: World, carrier: Carrier
) -> None:
    provide(world, carrier, [], mms_receipts=False)
    (one,) = world.admit()
    submit.take(world.runtime, Queue.SUBMIT)
    (body,) = json.loads(delivered(one))
    body["message"]["channel"] = "MMS"
    arrive(world.settings, json.dumps([body]).encode())
    events.take(world.runtime)
    assert world.status(one) is Status.RELAYED, "it is said to reach the next carrier only"
    provide(world, carrier, [], mms_receipts=True)
    (page,) = replay(world)
    assert (page.webhooks, page.moved) == (1, 1)
    assert world.status(one) is Status.DELIVERED
    assert [each.type for each in world.record(one).events][-2:] == ["hand_off", "deliver"]
    before = everything(world)
    assert [page.moved for page in replay(world)] == [0]
    assert everything(world) == before


def test_webhooks_of_a_connection_that_was_not_known_count_once_it_is(world: World, carrier: Carrier) -> None:
    provide(world, carrier, [OURS])
    arrive(world.settings, inbound("in-1", text="early"), connection="bandwidth-9")
    events.take(world.runtime)
    assert arrivals(world) == []
    provide(world, carrier, [OURS], name="bandwidth-9")
    (page,) = replay(world, Stretch(since=EVER.since, until=EVER.until, connection="bandwidth-9"))
    assert page.arrived == 1
    assert arrivals(world) == ["early"]
    assert [one.arrived for one in replay(world)] == [0]


def test_what_was_taken_in_is_not_parked_when_it_is_read_again_after_its_number_was_given_up(
    world: World, carrier: Carrier
) -> None:
    provide(world, carrier, [OURS])
    arrive(world.settings, inbound("in-1", text="taken in"))
    events.take(world.runtime)
    provide(world, carrier, [NOBODYS])
    before = everything(world)
    (page,) = replay(world)
    assert (page.webhooks, page.arrived, page.parked) == (1, 0, 0)
    assert everything(world) == before
    assert arrivals(world) == ["taken in"]


def test_only_the_stretch_that_was_asked_for_is_read(world: World, carrier: Carrier) -> None:
    arrive(world.settings, inbound("in-1", to=NOBODYS), inbound("in-2", to=NOBODYS))
    events.take(world.runtime)
    now = datetime.now(UTC)
    past = Stretch(since=now - timedelta(hours=2), until=now - timedelta(hours=1))
    recent = Stretch(since=now - timedelta(hours=1), until=now + timedelta(hours=1))
    other = Stretch(since=recent.since, until=recent.until, connection="bandwidth-2")
    assert [[page.webhooks for page in replay(world, one)] for one in (past, recent, other)] == [
        [0],
        [2],
        [0],
    ]


def test_a_long_stretch_is_read_page_by_page_over_all_connections(world: World, carrier: Carrier) -> None:
    for name, count in (("a", 150), ("b", 150), ("b-2", 60)):
        arrive(world.settings, *(b"%d" % n for n in range(count)), connection=name)
    while world.runtime.ready.fresh(Queue.EVENTS):
        events.take(world.runtime)
    assert [page.webhooks for page in replay(world)] == [PAGE, 160]
