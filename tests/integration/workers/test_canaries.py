"""What customers and carriers say is in no log, task, metric or trace, and in Redis no longer than it lives there."""

import base64
import io
import json
import logging
import secrets
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any
from urllib.parse import quote

import pytest
import redis
import structlog

from broker import log
from broker.dispatch import Queue
from broker.keyspace.census import look_from_thread
from broker.keyspace.client import open_sync
from broker.metrics.meter import Meter
from broker.runtime import Runtime
from broker.services import callback, events, figures, media, submit, sweep
from broker.services.standing import Standing
from broker.settings import Settings
from tests.collector import Collector
from tests.contract.wire_server import Server, serve
from tests.integration.workers.carrier import until
from tests.integration.workers.conftest import QUICK
from tests.sink import Reply, Sink

DAYS_MS = 8 * 86_400_000
SENDER = "+12025550150"
SHAPES = {
    "plain": "{}",
    "quoted": "\"{}'] }}, password=x",
    "broken over lines": "first\n{}\r\nthird",
    "of another script": "Привет {} \U0001f424",
    "a format": "%s {{0}} {} \\u0022",
}


class Canaries:
    """Makes words and numbers that nobody else says, and remembers them."""

    def __init__(self, shape: str) -> None:
        self._shape = SHAPES[shape]
        self.planted: list[str] = []

    def word(self) -> str:
        """Return a word that fits into a header or a URL."""
        self.planted.append(f"canary{secrets.token_hex(8)}")
        return self.planted[-1]

    def text(self) -> str:
        """Return a text in its shape."""
        return self._shape.format(self.word())

    def number(self) -> str:
        """Return a phone number."""
        self.planted.append(f"1202{secrets.randbelow(5) + 4}55{secrets.randbelow(9000) + 1000}")
        return f"+{self.planted[-1]}"

    def seen_in(self, text: str) -> list[str]:
        """Return those that a text shows."""
        return [one for one in self.planted if one in text]


@pytest.fixture
def lines() -> Iterator[Callable[[], list[str]]]:
    """Everything that is logged, at the least severe level."""
    usual, sys.stderr = sys.stderr, io.StringIO()
    handlers, level = logging.root.handlers[:], logging.root.level
    levels = {name: logging.getLogger(name).level for name in log.QUIET}
    written = sys.stderr
    try:
        log.configure(level="DEBUG", form="json", process="test")
        yield lambda: written.getvalue().splitlines()
    finally:
        sys.stderr = usual
        logging.root.handlers[:], logging.root.level = handlers, level
        for name, before in levels.items():
            logging.getLogger(name).setLevel(before)
        structlog.reset_defaults()


@pytest.mark.parametrize("shape", SHAPES)
def test_no_canary_is_seen(
    make_settings: Callable[..., Settings], lines: Callable[[], list[str]], shape: str
) -> None:
    birds = Canaries(shape)
    refusing = {
        "type": "validation",
        "description": birds.text(),
        "fieldErrors": [{"description": birds.text()}],
    }
    with (
        closing(Sink(lambda *_: Reply(status=400, body=json.dumps(refusing).encode()))) as carrier,
        closing(Sink(lambda *_: Reply(status=500, body=birds.text().encode()))) as customer,
        closing(Collector()) as collector,
    ):
        traced = {"tracing_endpoint": collector.url, "egress_allow": (customer.authority,)}
        settings = make_settings(**QUICK, log_level="DEBUG", **traced)
        document = provisioned(birds, carrier, customer)
        with serve(settings, document) as server:
            runtime = Runtime.open(settings)
            try:
                sent = ask_everything(server, birds, document)
                work(runtime, customer)
                pages = metrics(server, runtime)
            finally:
                runtime.close()
        spans = {one.name for one in collector.spans}
        traces = b"\n".join(collector.bodies).decode("utf-8", "replace")
    logged = lines()
    events_logged = {json.loads(line)["event"] for line in logged}
    assert {"messages_submitted", "webhooks_read", "callbacks_tried", "webhook_unreadable"} <= events_logged
    assert sent >= 3, "messages were taken"
    assert {"POST /v1/messages", "GET /api", "claim", "submit", "record", "callback"} <= spans
    seen = {f"line {line}": birds.seen_in(line) for line in logged}
    seen |= {"metrics": birds.seen_in(pages), "traces": birds.seen_in(traces)}
    seen |= held_in_redis(settings, birds)
    assert {place: found for place, found in seen.items() if found} == {}


def provisioned(birds: Canaries, carrier: Sink, customer: Sink) -> dict[str, Any]:
    """Return a document with a canary in every secret."""
    account = {
        "name": "acme",
        "password": birds.word(),
        "api_keys": [birds.word()],
        "senders": [SENDER],
        "inbound_numbers": [SENDER],
        "callback_url": f"{customer.url()}?key={birds.word()}",
        "callback_secret": f"whsec_{base64.b64encode(birds.word().encode()).decode()}",
    }
    connection = {
        "name": "bandwidth-1",
        "provider": "bandwidth",
        "base_url": f"http://{carrier.authority}/api/v2",
        "auth": "basic",
        "username": birds.word(),
        "password": birds.word(),
        "account_id": "9900000",
        "application_id": "app-1",
        "webhook_username": "hook",
        "webhook_password": birds.word(),
        "media_hosts": ["127.0.0.1:9"],
        "senders": [SENDER],
    }
    return {"accounts": [account], "connections": [connection]}


def ask_everything(server: Server, birds: Canaries, document: dict[str, Any]) -> int:
    """Plant a canary in everything that may be posted; return how many sends were taken."""
    account, connection = document["accounts"][0], document["connections"][0]
    bearer = {"Authorization": f"Bearer {account['api_keys'][0]}", "Content-Type": "application/json"}
    taken = 0
    for changes in (
        {},
        {"tags": {"k": birds.text()}},
        {"reference": birds.text()[:60]},
        {"valid_until": birds.text()},
    ):
        body = {"to": birds.number(), "from": SENDER, "text": birds.text(), **changes}
        headers = {**bearer, "Idempotency-Key": birds.word(), "X-Mine": birds.word()}
        headers |= {
            "traceparent": birds.word(),
            "tracestate": f"k={birds.word()}",
            "baggage": f"k={birds.word()}",
        }
        answer = server.ask("POST", f"/v1/messages?x={birds.word()}", json.dumps(body).encode(), headers)
        taken += answer.status == 202
        server.ask("POST", "/v1/messages", json.dumps(body).encode()[:-5], bearer)
    server.ask("POST", "/v1/messages", b"{}", {"Authorization": f"Bearer {birds.word()}"})
    server.ask("GET", f"/v1/messages/{birds.word()}", b"", bearer)
    server.ask("GET", f"/nowhere/{birds.word()}", b"", {"Cookie": birds.word()})
    login = f"username=acme&password={account['password']}"
    words = f"recipient={quote(birds.number())}&messagetype=SMS:TEXT&messagedata={quote(birds.text())}"
    taken += b"messageid" in server.ask("GET", f"/api?action=sendmessage&{login}&{words}").body
    server.ask("GET", f"/api?action=sendmessage&username=acme&password={birds.word()}&{words}")
    for password, body in hooks(birds, connection["webhook_password"]):
        basic = base64.b64encode(f"hook:{password}".encode()).decode()
        server.ask("POST", "/webhooks/bandwidth-1", body, {"Authorization": f"Basic {basic}"})
    return taken


def hooks(birds: Canaries, password: str) -> Iterator[tuple[str, bytes]]:
    """Yield what a carrier may post, with the password that it does so with."""
    now = "2026-11-21T12:00:00.000Z"
    inside = {
        "id": birds.word(), "owner": SENDER, "applicationId": "app-1", "time": now, "segmentCount": 1,
        "direction": "in", "to": [SENDER], "from": birds.number(), "text": birds.text(), "tag": birds.word(),
        "media": [f"http://127.0.0.1:9/{birds.word()}"], birds.word(): birds.text(),
    }  # fmt: skip
    for kind in ("message-received", "message-delivered", "message-failed", birds.word()):
        event = {
            "type": kind,
            "time": now,
            "description": birds.text(),
            "to": SENDER,
            "errorCode": 4001,
            "message": inside,
        }
        yield password, json.dumps([event]).encode()
        yield password, json.dumps([{**event, "time": birds.text()}]).encode()
    yield password, birds.text().encode()
    yield birds.word(), birds.text().encode()


def work(runtime: Runtime, customer: Sink) -> None:
    """Do all that there is to do, until the customer was called."""

    def done() -> bool:
        for take in (events.take, media.take, callback.take, sweep.sweep):
            take(runtime)
        submit.take(runtime, Queue.SUBMIT)
        return len(customer.told) > 0 and not runtime.ready.waiting(Queue.SUBMIT)

    until(done)
    figures.count(runtime)


def metrics(server: Server, runtime: Runtime) -> str:
    """Return all pages."""
    scheduler = Meter("scheduler")
    client = open_sync(server.settings.redis_url, server.settings)
    Standing(scheduler, held=dict, sql=lambda: True).see(look_from_thread(client, ["bandwidth-1"]))
    client.close()
    own = server.ask("GET", "/metrics").body
    assert b"broker_webhook_in_total" in own
    return b"\n".join((own, runtime.meter.page(), scheduler.page())).decode()


def held_in_redis(settings: Settings, birds: Canaries) -> dict[str, list[str]]:
    """Return what tasks show, and what Redis holds of canaries without an end to it."""
    found = {}
    with redis.Redis.from_url(settings.redis_url) as client:
        for key in client.scan_iter(count=1000):
            text = shown(client, key)
            seen = birds.seen_in(text)
            if key.decode() in set(Queue) or key.startswith((b"unacked", b"_kombu")):
                found[f"task {key!r}"] = seen + birds.seen_in(unpacked(text))
            elif not 0 < client.pttl(key) <= DAYS_MS:
                found[f"for ever {key!r}"] = seen
    return found


def shown(client: Any, key: bytes) -> str:
    """Return a key with all that it holds."""
    kind = client.type(key)
    values = {
        b"string": lambda: [client.get(key)],
        b"list": lambda: client.lrange(key, 0, -1),
        b"set": lambda: client.smembers(key),
        b"zset": lambda: client.zrange(key, 0, -1),
        b"hash": lambda: [part for pair in client.hgetall(key).items() for part in pair],
    }[kind]()
    return b"\n".join((key, *values)).decode("utf-8", "replace")


def unpacked(rings: str) -> str:
    """Return the bodies of rings as they are before they are packed."""
    bodies = [json.loads(line)["body"] for line in rings.splitlines() if line.startswith("{")]
    return " ".join(base64.b64decode(body).decode() for body in bodies)
