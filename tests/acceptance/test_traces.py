"""One trace, from a customer's request through queue, submission and webhook to his callback, over real processes."""

import json
import secrets
from base64 import b64encode
from collections.abc import Iterator
from contextlib import closing

import pytest

from tests.acceptance.flows.pictures import png
from tests.acceptance.stack import KEYS, PROVISION, SHORT, Stack
from tests.collector import Collector, Seen
from tests.sink import Reply, Sink

pytestmark = [pytest.mark.flaky_prone, pytest.mark.timeout(300)]

CUSTOMER, CLIENT = "00f067aa0ba902b7", 3
"""The customer's own span; protobuf's word for a span of a call."""

STEPS = {"queue", "claim", "submit", "record", "webhook", "callback"}
"""What workers do for a text that is traced."""


@pytest.fixture(scope="module")
def collector() -> Iterator[Collector]:
    with closing(Collector()) as one:
        yield one


@pytest.fixture(scope="module")
def customer() -> Iterator[Sink]:
    with closing(Sink(lambda *_: Reply(status=200))) as one:
        yield one


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory, collector: Collector, customer: Sink) -> Iterator[Stack]:
    """A stack that is traced, with a customer who is told."""
    told = f'api_keys = ["{{acme}}"]\ncallback_url = "{customer.url()}"\n'
    told += 'inbound_numbers = ["+12025550150"]'
    provision = PROVISION.replace('api_keys = ["{acme}"]', told, 1)
    env = {
        **SHORT,
        "BROKER_TRACING_ENDPOINT": collector.url,
        "BROKER_EGRESS_ALLOW": json.dumps([customer.authority]),
        "OTEL_BSP_SCHEDULE_DELAY": "100",
    }
    one = Stack(tmp_path_factory.mktemp("stack") / "up", env=env, provision=provision)
    one.start()
    try:
        yield one
    finally:
        one.end()


def send(stack: Stack, traceparent: str = "", text: str = "Hello") -> str:
    """Send a message as a customer who traces his own calls, or who does not."""
    connection = stack.connect("ingress")
    headers = {"Authorization": f"Bearer {KEYS['acme']}", "Content-Type": "application/json"}
    headers |= {"traceparent": traceparent} if traceparent else {}
    try:
        connection.request("POST", "/v1/messages", json.dumps({"to": "+12025550101", "text": text}), headers)
        return str(json.loads(connection.getresponse().read())["id"])
    finally:
        connection.close()


def whole(stack: Stack, collector: Collector, message_id: str) -> list[Seen]:
    """Wait until every step of a message is told, in whatever order, and return the spans of its trace."""

    def spans() -> list[Seen]:
        about = [one for one in collector.spans if one.attributes.get("ringpost.message") == message_id]
        told = [one for one in about if one.name == "callback"]
        ends = [one for one in told if one.attributes["ringpost.status"] == "delivered"]
        found = [one for one in collector.spans if one.trace == about[0].trace] if about else []
        return found if ends and {one.name for one in found} >= {"POST /v1/messages", *STEPS} else []

    return stack.until(spans)


def test_one_trace_leads_from_the_request_to_the_callback(
    stack: Stack, collector: Collector, customer: Sink
) -> None:
    stack.faults(event_delay_ms=20)
    trace, secret = secrets.token_hex(16), f"hush{secrets.token_hex(6)}"
    name = send(stack, f"00-{trace}-{CUSTOMER}-01", secret)
    found = whole(stack, collector, name)
    assert {one.trace for one in found} == {trace}
    root, *rest = sorted(found, key=lambda one: one.parent != CUSTOMER)
    assert (root.name, root.parent, root.process) == ("POST /v1/messages", CUSTOMER, "ingress")
    assert {one.parent for one in rest} == {root.id}
    assert {one.name: one.process for one in rest} == dict.fromkeys(STEPS, "worker")
    (submit,) = [one for one in rest if one.name == "submit"]
    assert submit.kind == CLIENT
    assert submit.attributes["ringpost.connection"] == "bandwidth-1"
    assert submit.attributes["http.response.status_code"] == "202"
    assert submit.attributes["ringpost.outcome"] == "sent"
    begun = {one.name: one.began for one in reversed(found)}
    order = sorted(begun, key=lambda name: begun[name])
    assert order[0] == "POST /v1/messages"
    assert order.index("queue") < order.index("claim") < order.index("submit") < order.index("webhook")
    assert all(one.ended >= one.began for one in found)
    carried = [dict(told.headers).get("traceparent", "") for told in customer.told]
    spans = {one.id for one in rest if one.name == "callback"}
    assert spans <= {one.split("-")[2] for one in carried if one.startswith(f"00-{trace}-")}
    assert not [body for body in collector.bodies if secret.encode() in body or b"2025550101" in body]


def test_a_report_is_in_the_trace_of_its_message_and_linked_to_that_of_its_webhook(
    stack: Stack, collector: Collector
) -> None:
    name = send(stack)
    found = whole(stack, collector, name)
    (request,) = [one for one in found if one.name == "POST /v1/messages"]
    told = [one for one in found if one.name == "webhook"]
    assert {one.parent for one in told} == {request.id}
    linked = {trace for one in told for trace in one.links}
    asked = stack.until(lambda: [one for one in collector.spans if one.trace in linked])
    assert {(one.name, one.process) for one in asked} == {("POST /webhooks/{connection}", "ingress")}
    assert len(linked) == len(told)


def test_one_trace_leads_from_a_carriers_webhook_over_its_media_to_the_callback(
    stack: Stack, collector: Collector, customer: Sink
) -> None:
    secret = f"hush{secrets.token_hex(6)}"
    media = [
        {"name": f"{n}-{secret}.png", "content_type": "image/png", "data": b64encode(png()).decode()}
        for n in (1, 2)
    ]
    heard = {"from": "+12025550177", "to": "+12025550150", "text": secret, "media": media}
    stack.carrier("POST", "/sim/inbound", heard)

    def arrived() -> list[str]:
        found = stack.get("/v1/messages?direction=in&limit=1")["data"]
        return [one["id"] for one in found if one["text"] == secret and one["status"] == "forwarded"]

    (name,) = stack.until(arrived)

    def spans() -> list[Seen]:
        about = [one for one in collector.spans if one.attributes.get("ringpost.message") == name]
        statuses = {one.attributes.get("ringpost.status") for one in about if one.name == "callback"}
        return about if "ready" in statuses else []

    trace = stack.until(spans)[0].trace
    found = [one for one in collector.spans if one.trace == trace]
    (root,) = [one for one in found if not one.parent]
    assert (root.name, root.process) == ("POST /webhooks/{connection}", "ingress")
    assert root.attributes["http.response.status_code"] == "200"
    rest = [one for one in found if one is not root]
    assert {one.parent for one in rest} == {root.id}
    names = [one.name for one in rest if one.name != "callback"]
    assert sorted(names) == ["media", "media", "queue", "record", "record"]
    assert {one.process for one in rest} == {"worker"}
    fetched = [one for one in rest if one.name == "media"]
    assert {one.attributes["ringpost.part"] for one in fetched} == {"1", "2"}
    assert {(one.attributes["ringpost.outcome"], one.kind) for one in fetched} == {("stored", CLIENT)}
    begun = {one.name: one.began for one in reversed(found)}
    assert begun["queue"] <= begun["record"] <= begun["media"] <= begun["callback"]
    carried = [dict(told.headers).get("traceparent", "") for told in customer.told]
    assert [one for one in carried if one.startswith(f"00-{trace}-")]
    private = (secret.encode(), b"2025550177", b"2025550150")
    assert not [body for body in collector.bodies if any(text in body for text in private)]


def test_who_traces_nothing_gets_a_trace_of_ours(stack: Stack, collector: Collector) -> None:
    found = whole(stack, collector, send(stack))
    (root,) = [one for one in found if not one.parent]
    assert root.name == "POST /v1/messages"
    assert len({one.trace for one in found}) == 1


def test_who_says_that_his_trace_is_not_kept_is_heard(stack: Stack, collector: Collector) -> None:
    trace = secrets.token_hex(16)
    name = send(stack, f"00-{trace}-{CUSTOMER}-00")
    stack.until(lambda: stack.get(f"/v1/messages/{name}")["status"] == "delivered")
    whole(stack, collector, send(stack))  # came after it, and was handed over
    assert [one for one in collector.spans if one.trace == trace] == []


def test_a_traceparent_that_is_none_refuses_nothing(stack: Stack, collector: Collector) -> None:
    found = whole(stack, collector, send(stack, "00-zz-\xfe"))
    assert len([one for one in found if not one.parent]) == 1


def test_everything_goes_on_while_the_collector_is_away(stack: Stack, collector: Collector) -> None:
    collector.close()
    name = send(stack)
    stack.until(lambda: stack.get(f"/v1/messages/{name}")["status"] == "delivered")
