"""Takes of webhooks: each piece of news counts once, and a poisonous one harms only itself."""

import asyncio
import json
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from broker.dispatch import Queue
from broker.domain.dead import Letters
from broker.domain.status import Status
from broker.keyspace import keys
from broker.keyspace.arrivals import Arrivals
from broker.keyspace.content import Webhook, encode_webhook
from broker.services import adoption, events, submit
from broker.settings import Settings
from broker.storage import dead
from tests.integration.workers.carrier import Carrier, until
from tests.integration.workers.conftest import World


def delivered(
    message_id: str,
    *,
    time: str = "2026-11-21T12:00:00.000Z",
    attempt: int = 1,
    to: str = "+12025550101",
    failed: int | None = None,
) -> bytes:
    """Return what the carrier posts when a message has arrived, or has failed with a code."""
    message = {
        "id": "carrier-1",
        "owner": "+12025550150",
        "applicationId": "app-1",
        "time": time,
        "segmentCount": 1,
        "direction": "out",
        "to": [to],
        "from": "+12025550150",
        "text": "",
        "media": [],
        "tag": f"{message_id}.{attempt}",
    }
    event: dict[str, Any] = {
        "type": "message-delivered" if failed is None else "message-failed",
        "time": time,
        "description": "ok",
        "to": to,
        "message": message,
    }
    if failed is not None:
        event["errorCode"] = failed
    return json.dumps([event]).encode()


def arrive(settings: Settings, *bodies: bytes, connection: str = "bandwidth-1", trace: str = "") -> None:
    """Take webhooks in as the ingress does."""

    async def run() -> None:
        door = Arrivals(settings.redis_url, settings)
        await door.arrive_all(
            [Webhook(connection=connection, body=body, at=datetime.now(UTC), trace=trace) for body in bodies]
        )
        await door.close()

    asyncio.run(run())


def test_a_report_moves_its_message_however_often_it_comes(world: World, carrier: Carrier) -> None:
    (one,) = world.admit()
    submit.take(world.runtime, Queue.SUBMIT)
    for _ in range(3):
        arrive(world.settings, delivered(one))
        events.take(world.runtime)
    assert world.status(one) is Status.DELIVERED
    assert [event.type for event in world.record(one).events] == ["admit", "claim", "receipt", "deliver"]
    assert world.redis.keys("hook:*") == world.redis.zrange(keys.outbox(Queue.EVENTS), 0, -1) == []


def test_a_webhook_that_a_crash_dropped_after_the_pop_is_put_back(world: World, carrier: Carrier) -> None:
    (one,) = world.admit()
    submit.take(world.runtime, Queue.SUBMIT)
    arrive(world.settings, delivered(one))
    world.runtime.ready.pop(Queue.EVENTS, 10)  # and then the worker died
    until(lambda: world.runtime.schedule.put_back(Queue.EVENTS))
    events.take(world.runtime)
    assert world.status(one) is Status.DELIVERED


def test_poisonous_webhooks_end_up_alone_and_the_others_are_read(world: World, carrier: Carrier) -> None:
    ids = world.admit(4)
    submit.take(world.runtime, Queue.SUBMIT)
    arrive(world.settings, *(delivered(one) for one in ids))
    poison = world.redis.zrange(keys.outbox(Queue.EVENTS), 0, 1)
    for digest in poison:
        world.redis.set(keys.webhook(digest), "no head")

    def turn() -> bool:
        world.runtime.schedule.put_back(Queue.EVENTS)
        with suppress(ValueError):  # what the poison raises
            events.take(world.runtime)
        return [world.status(one) for one in ids].count(Status.DELIVERED) == 2

    until(turn)
    until(lambda: turn() and not world.redis.zcard(keys.outbox(Queue.EVENTS)))
    found, _ = world.runtime.database.read(lambda sql: dead.page(sql, Letters(), after=None, limit=9))
    assert {letter.subject for letter in found} == set(poison), "kept for people to look at"


def test_a_report_that_came_before_its_message_is_matched_later(
    world: World, carrier: Carrier, make_settings: Callable[..., Any]
) -> None:
    (one,) = world.admit()
    arrive(world.settings, delivered(one))
    events.take(world.runtime)  # the message is not in SQL yet
    submit.take(world.runtime, Queue.SUBMIT)

    def matched() -> bool:
        adoption.retry_parked(world.runtime)
        return world.status(one) is Status.DELIVERED

    until(matched)


def test_the_same_webhook_by_another_connection_is_other_news(world: World, carrier: Carrier) -> None:
    (one,) = world.admit()
    submit.take(world.runtime, Queue.SUBMIT)
    hook = Webhook(connection="another", body=delivered(one), at=datetime.now(UTC))
    world.redis.set(keys.webhook("d"), encode_webhook(hook))
    world.runtime.ready.push(Queue.EVENTS, ["d"])
    events.take(world.runtime)
    assert world.status(one) is Status.SUBMITTED
