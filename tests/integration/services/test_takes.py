"""Takes, with a carrier, Redis or SQL that fails at the worst moment."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from broker.dispatch import Queue
from broker.domain.ids import new_id
from broker.domain.message import Message, Part
from broker.domain.record import Record
from broker.domain.status import Event, Status
from broker.keyspace import keys
from broker.keyspace.client import open_sync
from broker.runtime import Runtime
from broker.services import media, submit, sweep
from broker.storage import due, messages, reading
from broker.storage.away import StorageAway
from broker.storage.messages import Fresh
from tests.integration.services.conftest import ACCEPTED, Answer, Carrier, admit, outbound
from tests.redis_server import RedisServer


def record_of(runtime: Runtime, message: Message) -> Record:
    record = runtime.database.read(lambda sql: reading.record(sql, message.id, account="acme"))
    assert record is not None
    return record


def test_a_carriers_answer_is_recorded_while_redis_is_away(
    open_runtime: Callable[..., Runtime], own_redis: Callable[..., RedisServer], carrier: Carrier
) -> None:
    redis = own_redis()
    runtime = open_runtime(redis_url=redis.url)
    message = outbound()
    admit(runtime.settings, (message,))

    def accepted() -> Answer:
        redis.kill()
        return ACCEPTED

    carrier.create = accepted
    submit.take(runtime, Queue.SUBMIT)

    assert record_of(runtime, message).message.status is Status.SUBMITTED


def test_nothing_is_submitted_after_its_validity(runtime: Runtime, carrier: Carrier) -> None:
    message = outbound(valid_until=datetime.now(UTC) + timedelta(seconds=0.5))
    admit(runtime.settings, (message,))
    usual = carrier.token

    def slow() -> Answer:
        while datetime.now(UTC) <= message.valid_until:
            time.sleep(0.01)
        return usual()

    carrier.token = slow
    submit.take(runtime, Queue.SUBMIT)
    sweep.sweep(runtime)

    assert carrier.asked("/messages") == 0
    assert record_of(runtime, message).message.status is Status.EXPIRED


def test_a_token_that_cannot_be_had_is_asked_for_once_by_all_who_wait(
    runtime: Runtime, carrier: Carrier
) -> None:
    waiting = [outbound() for _ in range(20)]
    admit(runtime.settings, *((message,) for message in waiting))
    carrier.token = lambda: (503, {})
    carrier.headers = {"Retry-After": "5"}

    submit.take(runtime, Queue.SUBMIT)

    assert carrier.asked("/token") == 1
    found = [record_of(runtime, message) for message in waiting]
    assert {record.message.status for record in found} == {Status.RETRYING}
    assert {attempt.outcome for record in found for attempt in record.attempts} == {"not_sent"}


def test_nothing_is_popped_while_sql_is_away(open_runtime: Callable[..., Runtime]) -> None:
    runtime = open_runtime(prepared=False)
    message = outbound()
    admit(runtime.settings, (message,))

    for _ in range(5):
        with pytest.raises(StorageAway):
            submit.take(runtime, Queue.SUBMIT)

    assert runtime.ready.pop(Queue.SUBMIT, 10).tries == {message.id: 1}


def test_of_a_group_that_is_prepared_only_its_leader_is_due(runtime: Runtime) -> None:
    batch, ids = new_id(), tuple(new_id() for _ in range(3))
    part = Part(index=1, url="http://media.example/a.jpg")
    group = tuple(
        outbound(id=name, recipient=f"+1202555010{n}", batch=batch, group=True, members=ids, parts=(part,))
        for n, name in enumerate(ids)
    )
    admit(runtime.settings, group)

    submit.take(runtime, Queue.SUBMIT)

    soon = runtime.ready.now_ms() + 60_000
    assert runtime.database.read(lambda sql: due.due(sql, soon, limit=10))[0][1] == ids[0]
    assert runtime.ready.pop(Queue.MEDIA, 10).ids == (ids[0],)


def test_one_sweep_ends_everything_that_is_overdue(runtime: Runtime) -> None:
    overdue = [
        Fresh(message=outbound(status=Status.SUBMITTED), event=Event.HAND_OFF, due_at=n) for n in range(450)
    ]
    waiting = [Fresh(message=outbound(), event=Event.TAKE, due_at=0) for _ in range(10)]
    runtime.database.write(lambda sql: messages.add(sql, overdue + waiting))

    sweep.sweep(runtime)

    found = runtime.database.read(lambda sql: messages.load(sql, [one.message.id for one in overdue]))
    assert {message.status for message in found.values()} == {Status.UNCONFIRMED}
    assert runtime.ready.waiting(Queue.SUBMIT) == len(waiting), "each was put back once"


def test_a_part_without_a_token_stays_pending_and_the_message_goes_on_waiting(
    runtime: Runtime, carrier: Carrier
) -> None:
    carrier.token = lambda: (503, {})
    carrier.headers = {"Retry-After": "5"}
    part = Part(index=1, url=f"http://127.0.0.1:{carrier.port}/media/a.jpg")
    arrived = outbound(direction="in", status=Status.RECEIVED, connection="bandwidth-1", parts=(part,))
    fresh = [Fresh(message=arrived, event=Event.FETCH, due_at=0)]
    runtime.database.write(lambda sql: messages.add(sql, fresh))
    runtime.ready.push(Queue.MEDIA, [arrived.id])

    media.take(runtime)

    (kept,) = record_of(runtime, arrived).message.parts
    assert kept.error
    assert record_of(runtime, arrived).message.status is Status.FETCHING


def test_what_was_put_back_is_not_put_back_again_while_it_waits(runtime: Runtime) -> None:
    settings = runtime.settings
    message = outbound()
    admit(settings, (message,))
    popped = runtime.ready.pop(Queue.SUBMIT, 10)
    with open_sync(settings.redis_url, settings) as client:
        client.zadd(keys.outbox(Queue.SUBMIT), {message.id: popped.now_ms - 1})

        assert runtime.schedule.put_back(Queue.SUBMIT) == 1

        due_at = client.zscore(keys.outbox(Queue.SUBMIT), message.id)
        assert due_at is not None
        assert float(due_at) > popped.now_ms + keys.UNPOPPED_MS / 2  # type: ignore[arg-type]  # sync client
    assert runtime.ready.pop(Queue.SUBMIT, 10).ids == (message.id,)
