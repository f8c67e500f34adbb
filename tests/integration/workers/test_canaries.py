"""What customers and carriers say is in no log, task, metric or trace, and in Redis no longer than it lives there."""

import base64
import io
import json
import logging
import re
import secrets
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from http import HTTPStatus
from http.cookiejar import CookieJar
from itertools import cycle
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import quote, urlencode
from urllib.request import HTTPCookieProcessor, Request, build_opener

import redis
import structlog
from hypothesis import HealthCheck, Phase, example, given
from hypothesis import settings as bounded
from hypothesis import strategies as st

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
PLAIN = ("", "")
FRAMES = [
    PLAIN,
    ('"', "'] }, password=x"),
    ("first\n", "\r\nthird"),
    ("Привет ", " \U0001f424"),
    ("%s {0} ", " \\u0022"),
]
ANYTHING = st.text(st.characters(exclude_categories=("Cs",)), max_size=20)


class Canaries:
    """Makes words and numbers that nobody else says, and remembers them."""

    def __init__(self, frames: Sequence[tuple[str, str]]) -> None:
        self._frames = cycle(frames)
        self.planted: list[str] = []

    def word(self) -> str:
        """Return a word that fits into a header or a URL."""
        self.planted.append(f"canary{secrets.token_hex(8)}")
        return self.planted[-1]

    def text(self) -> str:
        """Return a text in the next of its frames."""
        before, after = next(self._frames)
        return f"{before}{self.word()}{after}"

    def number(self) -> str:
        """Return a phone number."""
        self.planted.append(f"1202{secrets.randbelow(5) + 4}55{secrets.randbelow(9000) + 1000}")
        return f"+{self.planted[-1]}"

    def seen_in(self, text: str) -> list[str]:
        """Return those that a text shows."""
        return [one for one in self.planted if one in text]


@contextmanager
def everything_logged() -> Iterator[Callable[[], list[str]]]:
    """Give what is logged meanwhile, at the least severe level."""
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
        log.configure(level="WARNING", form="console")
        structlog.reset_defaults()


@bounded(
    max_examples=3,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.generate],  # to make a failure smaller would take minutes
)
@example(FRAMES)
@given(st.lists(st.tuples(ANYTHING, ANYTHING), max_size=6).map(lambda drawn: [PLAIN, *drawn]))
def test_no_canary_is_seen(
    make_settings: Callable[..., Settings],
    data_dir: Path,
    redis_url: str,
    frames: Sequence[tuple[str, str]],
) -> None:
    birds = Canaries(frames)
    with redis.Redis.from_url(redis_url) as client:
        client.flushdb()
    refusing = {
        "type": "validation",
        "description": birds.text(),
        "fieldErrors": [{"description": birds.text()}],
    }
    with (
        everything_logged() as logged,
        closing(Sink(lambda *_: Reply(status=400, body=json.dumps(refusing).encode()))) as carrier,
        closing(Sink(lambda *_: Reply(status=500, body=birds.text().encode()))) as customer,
        closing(Collector()) as collector,
    ):
        traced = {"tracing_endpoint": collector.url, "egress_allow": (customer.authority,)}
        folder = data_dir / secrets.token_hex(4)
        folder.mkdir()
        settings = make_settings(**QUICK, log_level="DEBUG", data_dir=folder, **traced)
        document = provisioned(birds, carrier, customer)
        with serve(settings, document) as server:
            runtime = Runtime.open(settings)
            try:
                taken = ask_everything(server, birds, document)
                taken += look_at_it(server, birds, document)
                work(runtime, customer)
                pages = metrics(server, runtime)
            finally:
                runtime.close()
        spans = {one.name for one in collector.spans}
        traces = b"\n".join(collector.bodies).decode("utf-8", "replace")
        lines = logged()
    every_outcome_has_its_line([json.loads(line) for line in lines], taken)
    assert {"POST /v1/messages", "GET /api", "claim", "submit", "record", "callback"} <= spans
    seen = {f"line {line}": birds.seen_in(line) for line in lines}
    seen |= {"metrics": birds.seen_in(pages), "traces": birds.seen_in(traces)}
    seen |= held_in_redis(settings, birds)
    assert {place: found for place, found in seen.items() if found} == {}


def every_outcome_has_its_line(lines: Sequence[Mapping[str, Any]], taken: Sequence[str]) -> None:
    """Compare what is logged with what was taken: this carrier refuses everything."""
    told = {
        event: Counter(line["message_id"] for line in lines if line["event"] == event)
        for event in ("attempt_ended", "message_ended", "callback_tried", "message_arrived")
    }
    assert len(taken) >= 4
    assert told["attempt_ended"] == told["message_ended"] == Counter(taken)
    ends = {(line["outcome"], line["http_status"]) for line in lines if line["event"] == "attempt_ended"}
    assert ends == {("refused", 400)}
    assert set(told["callback_tried"]) & set(taken)
    assert len(told["message_arrived"]) >= 1
    refused = {(line["where"], line["code"]) for line in lines if line["event"] == "request_refused"}
    assert {
        ("native", "malformed"),
        ("native", "authentication_failed"),
        ("ozeki", "authentication_failed"),
    } <= refused
    assert any(line["event"] == "webhook_unreadable" for line in lines)


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
    operator = {"name": "ada", "password": birds.word(), "role": "admin"}
    return {"accounts": [account], "connections": [connection], "operators": [operator]}


def ask_everything(server: Server, birds: Canaries, document: dict[str, Any]) -> list[str]:
    """Plant a canary in everything that may be posted; return the ids of what was taken."""
    account, connection = document["accounts"][0], document["connections"][0]
    bearer = {"Authorization": f"Bearer {account['api_keys'][0]}", "Content-Type": "application/json"}
    taken: list[str] = []
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
        taken += [json.loads(answer.body)["id"]] if answer.status == 202 else []
        server.ask("POST", "/v1/messages", json.dumps(body).encode()[:-5], bearer)
    server.ask("POST", "/v1/messages", b"{}", {"Authorization": f"Bearer {birds.word()}"})
    server.ask("GET", f"/v1/messages/{birds.word()}", b"", bearer)
    server.ask("GET", f"/nowhere/{birds.word()}", b"", {"Cookie": birds.word()})
    login = f"username=acme&password={account['password']}"
    words = f"recipient={quote(birds.number())}&messagetype=SMS:TEXT&messagedata={quote(birds.text())}"
    answer = server.ask("GET", f"/api?action=sendmessage&responseformat=json&{login}&{words}")
    taken += re.findall(r'"messageid": *"([^"]+)"', answer.body.decode())
    server.ask("GET", f"/api?action=sendmessage&username=acme&password={birds.word()}&{words}")
    login = f"user=acme&pass={account['password']}"
    words = (
        f"smsto={birds.number()[1:]}&smsfrom={SENDER[1:]}&smsmsg={quote(birds.text())}&note={birds.word()}"
    )
    answer = server.ask("GET", f"/SMSSend?{login}&{words}")
    if answer.status == HTTPStatus.OK:
        path = f"/v1/messages?number={answer.body.decode().strip()}"
        taken += [one["id"] for one in json.loads(server.ask("GET", path, b"", bearer).body)["data"]]
    server.ask("GET", f"/SMSSend?user=acme&pass={birds.word()}&{words}")
    upload(server, birds, bearer)
    for password, body in hooks(birds, connection["webhook_password"]):
        basic = base64.b64encode(f"hook:{password}".encode()).decode()
        server.ask("POST", "/webhooks/bandwidth-1", body, {"Authorization": f"Basic {basic}"})
    return taken


def upload(server: Server, birds: Canaries, bearer: Mapping[str, str]) -> None:
    """Post a file of a forbidden type, under a name, and with an upload's own words."""
    head = f'Content-Disposition: form-data; name="media"; filename="{birds.word()}.exe"\r\n\r\n'
    body = f"--cut\r\n{head}MZ{birds.word()}\r\n--cut--\r\n".encode()
    server.ask("POST", "/v1/messages", body, {**bearer, "Content-Type": "multipart/form-data; boundary=cut"})
    server.ask(
        "POST", f"/v1/media?name={birds.word()}", f"MZ{birds.word()}".encode(), {**bearer, "X": birds.word()}
    )


def look_at_it(server: Server, birds: Canaries, document: dict[str, Any]) -> list[str]:
    """Sign in to the console, search there, and send from there; return the message's id, if it was taken."""
    jar, url = CookieJar(), f"http://127.0.0.1:{server.port}"
    browser = build_opener(HTTPCookieProcessor(jar))

    def browse(path: str, **form: str) -> str:
        asked = Request(url + path, data=urlencode(form).encode() if form else None, headers={"Origin": url})
        with suppress(HTTPError), browser.open(asked, timeout=20) as answer:
            return str(answer.read().decode())
        return ""

    def token(page: str) -> str:
        return re.findall(r'name="token" value="([^"]+)"', page)[0]

    password = document["operators"][0]["password"]
    for tried in (birds.word(), password):
        page = browse("/console/sign-in")
        browse("/console/sign-in", name="ada", password=tried, token=token(page), next="/console/")
    assert "No message" in browse(f"/console/messages?tag={birds.word()}&to={quote(birds.number())}")
    birds.planted += [cookie.value for cookie in jar if cookie.value]
    page = browse("/console/send")
    form = {"account": "acme", "to": birds.number(), "sender": SENDER, "text": birds.text()}
    once = re.findall(r'name="once" value="([^"]+)"', page)[0]
    browse("/console/send/check?piece=1", token=token(page), once=once, **form)
    page = browse("/console/send/message", token=token(page), once=once, subject=birds.text(), **form)

    return re.findall(r"/console/messages/([0-9a-f-]{36})", page)[:1]


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
