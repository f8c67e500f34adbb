"""Callbacks: owed with the move, told in batches, tried again, held, given up."""

import threading
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest
import redis
from standardwebhooks import Webhook

from broker.domain.message import Message, Part, PartState
from broker.domain.status import Event, Status
from broker.domain.value import replace
from broker.errors import MediaForbidden
from broker.keyspace import keys
from broker.keyspace.circuits import Leave
from broker.keyspace.client import open_sync
from broker.runtime import Runtime
from broker.services import callback, sweep
from broker.services.owing import begun, owe
from broker.storage import callbacks, messages, provision
from broker.storage.messages import Fresh, Move
from tests.integration.services.conftest import outbound
from tests.integration.services.owed import all_are, rows, until
from tests.sink import Reply, Sink

SECRETS = ("whsec_" + "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_" + "c2Vjb25kLXNlY3JldC1mb3Itcm90YXRpb24=")

Prepare = Callable[..., Runtime]


@pytest.fixture
def other_sink() -> Iterator[Sink]:
    one = Sink()
    yield one
    one.close()


@pytest.fixture
def told_runtime(open_runtime: Callable[..., Runtime], sink: Sink, other_sink: Sink) -> Prepare:
    """A runtime whose accounts `acme` and `globex` are told at the two sinks."""

    def prepare(*, allow: bool = True, **changes: Any) -> Runtime:
        allowed = (sink.authority, other_sink.authority) if allow else ()
        runtime = open_runtime(egress_allow=allowed, callback_first_s=0.01, **changes)
        settle(runtime, acme=sink.url(), globex=other_sink.url())
        return runtime

    return prepare


def settle(runtime: Runtime, wishes: Mapping[str, Any] | None = None, **urls: str) -> None:
    """Provision accounts with callback URLs, and what some of them wish."""
    accounts = [
        {
            "name": name,
            "callback_url": url,
            "callback_secret": SECRETS[0],
            "next_callback_secret": SECRETS[1],
            **(wishes or {}).get(name, {}),
        }
        for name, url in urls.items()
    ]
    key = runtime.settings.secret_key.get_secret_value()
    runtime.database.write(lambda sql: provision.apply(sql, {"accounts": accounts}, secret_key=key))
    runtime.directory.forget()


def happen(runtime: Runtime, message: Message, event: Event, *, status: Status) -> Message:
    """Record a message that came to `status` by itself, and let something happen to it."""
    now_ms = runtime.ready.now_ms()
    known = runtime.directory.look()

    def job(sql: Any) -> None:
        fresh = [Fresh(message=replace(message, status=status), event=None)]
        messages.add(sql, fresh)
        moved = messages.move(sql, [Move(id=message.id, event=event, at=message.created_at, key=event)])
        owe(sql, moved, known, now_ms=now_ms, settings=runtime.settings)

    runtime.database.write(job)
    return message


def submitted(runtime: Runtime, **changes: Any) -> Message:
    return happen(runtime, outbound(**changes), Event.RECEIPT, status=Status.SUBMITTING)


def due(runtime: Runtime) -> list[Any]:
    return [row for row in rows(runtime) if row.due_at is not None and row.due_at <= runtime.ready.now_ms()]


def test_a_customer_is_told_with_a_signature_of_each_secret(told_runtime: Prepare, sink: Sink) -> None:
    runtime = told_runtime()
    message = submitted(runtime, reference="order-7")

    until(runtime, all_are(runtime, "told"))

    (told,) = sink.told
    assert told.json()["type"] == "message.submitted"
    data = told.json()["data"]
    assert (data["id"], data["status"], data["sequence"], data["reference"]) == (
        message.id,
        "submitted",
        1,
        "order-7",
    )
    for secret in SECRETS:
        Webhook(secret).verify(told.body, dict(told.headers))


def test_an_account_without_a_url_owes_nothing_unless_the_message_has_one(
    told_runtime: Prepare, sink: Sink
) -> None:
    runtime = told_runtime()
    submitted(runtime, account="quiet")
    submitted(runtime, account="quiet", callback_url=sink.url("/of-the-message"))

    until(runtime, all_are(runtime, "told"))

    assert [one.path for one in sink.told] == ["/of-the-message"]


def test_one_id_is_repeated_until_the_customer_has_it(told_runtime: Prepare, sink: Sink) -> None:
    runtime = told_runtime()
    sink.answer = lambda path, before: Reply(status=500 if before < 3 else 200)
    submitted(runtime)

    until(runtime, all_are(runtime, "told"))

    assert len({one.id for one in sink.told}) == 1
    assert len({one.body for one in sink.told}) == 1
    assert [one.status for one in sink.told] == [500, 500, 500, 200]


def test_an_endpoint_that_is_away_is_left_alone_and_then_tried_with_a_few(
    told_runtime: Prepare, sink: Sink
) -> None:
    runtime = told_runtime()
    sink.answer = lambda path, before: Reply(status=503)
    for _ in range(20):
        submitted(runtime)
    endpoint = callbacks.endpoint_of("acme", sink.url())
    until(runtime, lambda: runtime.circuits.ask([endpoint])[endpoint] is not Leave.YES)
    runtime.circuits.failed(endpoint, probe=True, asked_ms=600_000)
    until(runtime, lambda: runtime.berths.free(endpoint) == runtime.settings.callback_window)
    sink.told.clear()
    for _ in range(5):
        callback.take(runtime)
    assert sink.told == []

    sink.answer = lambda path, before: Reply(status=200)
    until(runtime, lambda: len(due(runtime)) == 20)
    with open_sync(runtime.settings.redis_url, runtime.settings) as client:
        client.hset(keys.circuit(endpoint), "until", 1)
    callback.take(runtime)
    until(runtime, all_are(runtime, "told"))

    assert len({one.id for one in sink.good()}) == 20


def test_a_pause_that_the_customer_asks_for_is_granted(told_runtime: Prepare, sink: Sink) -> None:
    runtime = told_runtime()
    sink.answer = lambda path, before: Reply(status=429, headers={"Retry-After": "100"})
    submitted(runtime)
    until(runtime, lambda: [row.http_status for row in rows(runtime)] == [429])
    (row,) = rows(runtime)
    assert row.due_at > runtime.ready.now_ms() + 90_000

    submitted(runtime)
    for _ in range(5):
        callback.take(runtime)
    assert len(sink.told) == 1, "the whole endpoint is left alone"


def test_an_endpoint_that_is_gone_holds_what_it_is_owed(told_runtime: Prepare, sink: Sink) -> None:
    runtime = told_runtime()
    sink.answer = lambda path, before: Reply(status=410)
    submitted(runtime)
    until(runtime, all_are(runtime, "held"))
    submitted(runtime)
    until(runtime, all_are(runtime, "held"))
    assert len(sink.told) == 1

    sink.answer = lambda path, before: Reply()
    settle(runtime, acme=sink.url())
    until(runtime, all_are(runtime, "told"))

    assert len(sink.good()) == 2


def test_a_customer_who_does_not_answer_delays_nobody(
    told_runtime: Prepare, sink: Sink, other_sink: Sink
) -> None:
    runtime = told_runtime(callback_timeout_s=5)
    hang = threading.Event()
    sink.answer = lambda path, before: Reply(wait=hang)
    for _ in range(100):
        submitted(runtime)
    quick = [submitted(runtime, account="globex") for _ in range(10)]

    until(runtime, lambda: len(other_sink.good()) == len(quick))

    assert not any(row.state == "told" for row in rows(runtime) if row.account == "acme")
    assert len(sink.told) <= runtime.settings.callback_window
    hang.set()
    until(runtime, all_are(runtime, "told"))


def test_a_private_address_is_not_told_anything(told_runtime: Prepare, sink: Sink) -> None:
    runtime = told_runtime(allow=False)
    submitted(runtime)

    until(runtime, lambda: rows(runtime)[0].error)

    assert sink.told == []
    assert rows(runtime)[0].error == str(MediaForbidden("the URL leads to an inside address"))


def test_what_is_tried_for_long_enough_is_given_up(told_runtime: Prepare, sink: Sink) -> None:
    runtime = told_runtime(callback_for_s=0.2)
    sink.answer = lambda path, before: Reply(status=500)
    arrived = arrival(runtime)
    submitted(runtime)

    until(runtime, all_are(runtime, "given_up"))

    assert status_of(runtime, arrived) is Status.UNFORWARDED


def arrival(runtime: Runtime, **changes: Any) -> Message:
    """Record a text that arrived, as a webhook would."""
    message = outbound(direction="in", status=Status.RECEIVED, **changes)
    event = Event.FETCH if message.parts else Event.READY
    fresh = [Fresh(message=message, event=event, due_at=None)]
    known, now_ms = runtime.directory.look(), runtime.ready.now_ms()

    def job(sql: Any) -> None:
        moved = begun(fresh, messages.add(sql, fresh))
        owe(sql, moved, known, now_ms=now_ms, settings=runtime.settings)

    runtime.database.write(job)
    return message


def status_of(runtime: Runtime, message: Message) -> Status:
    return runtime.database.read(lambda sql: messages.load(sql, [message.id]))[message.id].status


def test_an_arrival_is_forwarded(told_runtime: Prepare, sink: Sink) -> None:
    runtime = told_runtime()
    message = arrival(runtime, text="Hello back")

    until(runtime, all_are(runtime, "told"))

    (told,) = sink.told
    assert told.json()["type"] == "message.received"
    data = told.json()["data"]
    assert (data["id"], data["from"], data["to"], data["text"], data["parts"]) == (
        message.id,
        message.originator,
        message.recipient,
        "Hello back",
        [],
    )
    assert status_of(runtime, message) is Status.FORWARDED


def test_a_text_does_not_wait_for_its_media_for_ever(told_runtime: Prepare, sink: Sink) -> None:
    runtime = told_runtime(media_text_hold_s=0.2)
    message = arrival(runtime, parts=(Part(index=1, url="http://media.example/a.jpg"),))
    callback.take(runtime)
    assert sink.told == []

    until(runtime, all_are(runtime, "told"))

    (told,) = sink.told
    assert [part["state"] for part in told.json()["data"]["parts"]] == [PartState.PENDING]
    assert status_of(runtime, message) is Status.FETCHING
    happen(runtime, message, Event.READY, status=Status.FETCHING)
    until(runtime, all_are(runtime, "told"))
    assert [one.json()["type"] for one in sink.told] == ["message.received", "message.completed"]
    assert status_of(runtime, message) is Status.FORWARDED


def test_the_sweep_rings_for_what_is_due(told_runtime: Prepare) -> None:
    runtime = told_runtime()
    submitted(runtime)
    with open_sync(runtime.settings.redis_url, runtime.settings) as client:
        client.delete("callbacks")
        sweep.sweep(runtime)
        assert client.llen("callbacks") == 1


def test_what_was_claimed_before_redis_failed_for_another_endpoint_is_told_and_leaves_its_place(
    open_runtime: Callable[..., Runtime], sink: Sink, other_sink: Sink
) -> None:
    allowed = (sink.authority, other_sink.authority)
    runtime = open_runtime(egress_allow=allowed, callback_first_s=0.01, callback_window=1)
    settle(runtime, {"globex": {"callback_dialect": "ozeki"}}, acme=sink.url(), globex=other_sink.url())
    for account in ("acme", "globex"):
        submitted(runtime, account=account)
    circuit = keys.circuit(callbacks.endpoint_of("globex", other_sink.url()))
    with redis.Redis.from_url(runtime.settings.redis_url) as client:
        client.set(circuit, "what no script can read")
        for _ in range(20):  # the order in which endpoints are asked for is left to chance
            with pytest.raises(redis.RedisError):
                callback.take(runtime)
        client.delete(circuit)

    until(runtime, all_are(runtime, "told"))

    assert len(sink.good()) == len(other_sink.good()) == 1
