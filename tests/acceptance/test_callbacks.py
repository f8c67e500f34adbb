"""Callbacks through a whole stack: told by workers to real servers, whatever those do."""

import base64
import json
import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from typing import Any

import pytest
from standardwebhooks import Webhook

from tests.acceptance.flows import pictures
from tests.acceptance.flows.clients import Carrier
from tests.acceptance.flows.http_client import request
from tests.acceptance.stack import ACCOUNTS, KEYS, SHORT, Stack, connection
from tests.sink import Reply, Sink

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
SETTINGS = {**SHORT, "BROKER_CALLBACK_FIRST_S": "0.3", "BROKER_CALLBACK_TIMEOUT_S": "5"}
INSIDE = """
[[accounts]]
name = "inside"
api_keys = ["an-api-key-of-inside"]
senders = ["+12025550152"]
callback_url = "{inside}"
"""
SENDERS = {"acme": "+12025550150", "stopper": "+12025550151", "inside": "+12025550152"}


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """A stack, and the servers of its customers; the one of `inside` may not be reached."""

    stack: Stack
    acme: Sink
    stopper: Sink
    inside: Sink

    def send(self, account: str, **fields: Any) -> str:
        """Send a text and return its id."""
        key = KEYS.get(account, f"an-api-key-of-{account}")
        body = json.dumps({"to": "+12025550101", "from": SENDERS[account], "text": "Hello", **fields})
        headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
        answer = request(
            f"{self.stack.endpoints['ingress']}/v1/messages", "POST", body=body.encode(), headers=headers
        )
        assert answer.status == 202, answer.body
        return str(answer.json()["id"])

    def owed(self, account: str) -> list[sqlite3.Row]:
        """Return the callbacks of an account as the record has them."""
        path = str(self.stack.endpoints["database"]).removeprefix("sqlite:///")
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
            connection.row_factory = sqlite3.Row
            return connection.execute("SELECT * FROM callbacks WHERE account = ?", (account,)).fetchall()

    def news(self, account: str, *ids: str) -> set[tuple[str, str]]:
        """Return the pairs of message and status of which an account is told, once the ends of all are among them.

        A report may be here before the carrier's answer is on record: such a message never was `submitted`.
        """
        found = {(row["message_id"], row["status"]) for row in self.owed(account) if row["message_id"] in ids}
        return found if found >= {(one, "delivered") for one in ids} else set()

    def knows_all(self, account: str, *ids: str) -> bool:
        """Say whether an account's server has taken all news of messages that have come to their ends."""
        news = self.news(account, *ids)
        return bool(news) and good(getattr(self, account), *ids) == news


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with ExitStack() as opened:
        acme, stopper, inside = (opened.enter_context(closing(Sink())) for _ in range(3))
        told = 'callback_url = "{url}"\ncallback_secret = "{secret}"\ninbound_numbers = ["{number}"]\n'
        provision = ACCOUNTS
        for name, sink in (("acme", acme), ("stopper", stopper)):
            more = told.format(url=sink.url(), secret=SECRET, number=SENDERS[name])
            provision = provision.replace(f'name = "{name}"\n', f'name = "{name}"\n{more}')
        provision = INSIDE.format(inside=inside.url()) + provision + connection(*SENDERS.values())
        env = {**SETTINGS, "BROKER_EGRESS_ALLOW": json.dumps([acme.authority, stopper.authority])}
        stack = Stack(tmp_path_factory.mktemp("callbacks") / "up", env=env, provision=provision)
        stack.start()
        stack.faults(event_delay_ms=20)
        try:
            yield World(stack=stack, acme=acme, stopper=stopper, inside=inside)
        finally:
            stack.end()


@pytest.fixture
def world(whole: World) -> World:
    """The stack with nothing owed, and servers that take everything."""
    for sink in (whole.acme, whole.stopper):
        sink.answer = lambda path, before: Reply()
    whole.stack.until(lambda: not [row for row in whole.owed("acme") if row["state"] == "owed"])
    for sink in (whole.acme, whole.stopper):
        sink.told.clear()
    return whole


def about(sink: Sink, *ids: str) -> list[Any]:
    """Return what a server was told of messages."""
    return [one for one in sink.told if one.json()["data"]["id"] in ids]


def good(sink: Sink, *ids: str) -> set[tuple[str, str]]:
    """Return the pairs of message and status that a server took."""
    found = [one.json()["data"] for one in about(sink, *ids) if one.status == 200]
    return {(data["id"], data["status"]) for data in found}


def test_a_server_that_recovers_is_told_everything_under_one_id_each(world: World) -> None:
    world.acme.answer = lambda path, before: Reply(status=500 if before < 60 else 200)
    ids = [world.send("acme", to=f"+120255501{n:02}") for n in range(20)]

    world.stack.until(lambda: world.knows_all("acme", *ids))

    found = {
        (one.id, one.json()["data"]["id"], one.json()["data"]["status"]) for one in about(world.acme, *ids)
    }
    assert len(found) == len(world.news("acme", *ids)), "one id for each message and status"
    taken = Counter(one.id for one in about(world.acme, *ids) if one.status == 200)
    assert set(taken.values()) == {1}
    for one in about(world.acme, *ids):
        Webhook(SECRET).verify(one.body, dict(one.headers))
    sequences: dict[str, dict[str, int]] = {}
    for one in about(world.acme, *ids):
        data = one.json()["data"]
        sequences.setdefault(data["id"], {})[data["status"]] = data["sequence"]
    assert {tuple(sorted(one.items())) for one in sequences.values()} <= {
        (("delivered", 2), ("submitted", 1)),
        (("delivered", 1),),
    }


def test_a_server_that_asks_for_a_pause_gets_it(world: World) -> None:
    times: list[float] = []

    def later(path: str, before: int) -> Reply:
        times.append(time.monotonic())
        return Reply(status=429, headers={"Retry-After": "2"}) if len(times) == 1 else Reply()

    world.acme.answer = later
    message_id = world.send("acme")
    world.stack.until(lambda: world.knows_all("acme", message_id))
    paused = {one.id for one in about(world.acme, message_id) if one.status == 429}
    again = next(n for n, one in enumerate(world.acme.told) if one.id in paused and one.status == 200)
    assert times[again] - times[0] >= 1.9


def test_a_server_that_does_not_answer_delays_no_other_account(world: World) -> None:
    hang = threading.Event()
    world.stopper.answer = lambda path, before: Reply(wait=hang)
    stuck = [world.send("stopper") for _ in range(100)]
    world.stack.until(lambda: about(world.stopper, *stuck))

    quick = world.send("acme")
    world.stack.until(lambda: world.knows_all("acme", quick))

    assert not [row for row in world.owed("stopper") if row["state"] == "told" and row["message_id"] in stuck]
    hang.set()
    world.stopper.answer = lambda path, before: Reply()
    world.stack.until(lambda: world.knows_all("stopper", *stuck), within_s=180)


def test_nothing_more_is_sent_to_a_url_that_is_gone_and_all_of_it_is_kept(world: World) -> None:
    def all_held(message_id: str) -> bool:
        states = {row["state"] for row in world.owed("acme") if row["message_id"] == message_id}
        return states == {"held"} and bool(world.news("acme", message_id))

    world.acme.answer = lambda path, before: Reply(status=410 if path == "/gone" else 200)
    first = world.send("acme", callback_url=world.acme.url("/gone"))
    world.stack.until(lambda: all_held(first))
    asked = len(about(world.acme, first))
    then = world.send("acme", callback_url=world.acme.url("/gone"))
    world.stack.until(lambda: all_held(then))
    assert about(world.acme, then) == []
    assert len(about(world.acme, first)) == asked


def test_a_private_address_is_refused_unless_it_is_allowed(world: World) -> None:
    world.send("inside")
    found = world.stack.until(lambda: [row["error"] for row in world.owed("inside") if row["error"]])
    assert set(found) == {"the URL leads to an inside address"}
    assert world.inside.told == []


PICTURE = {
    "name": "a.jpg",
    "content_type": "image/jpeg",
    "data": base64.b64encode(pictures.jpeg()).decode(),
}


def arrive(world: World, text: str, **fields: Any) -> Any:
    """Let a phone send something to acme, and return what acme was told of it."""
    carrier = Carrier(url=world.stack.endpoints["simulator"], connection="bandwidth-1")
    carrier.inbound(sender="+12065550199", to=SENDERS["acme"], text=text, **fields)

    def told() -> Any:
        return next((one for one in world.acme.told if one.json()["data"].get("text") == text), None)

    return world.stack.until(told)


def test_a_text_that_arrives_is_forwarded(world: World) -> None:
    told = arrive(world, "Hello back")
    Webhook(SECRET).verify(told.body, dict(told.headers))
    body = told.json()
    assert (body["type"], body["data"]["from"], body["data"]["to"]) == (
        "message.received",
        "+12065550199",
        SENDERS["acme"],
    )
    message_id = body["data"]["id"]
    world.stack.until(lambda: world.stack.get(f"/v1/messages/{message_id}")["status"] == "forwarded")


def test_a_picture_that_arrives_is_forwarded_with_a_link_and_can_be_sent_on(world: World) -> None:
    told = arrive(world, "Look at this", media=[PICTURE])
    data = told.json()["data"]
    assert data["status"] == "ready"
    (one,) = data["parts"]
    assert (one["content_type"], one["state"]) == ("image/jpeg", "stored")
    assert request(one["url"]).body == pictures.jpeg()
    on = world.send("acme", text="And you at this", media=[{"id": one["id"]}])
    world.stack.until(lambda: "delivered" in {status for _, status in good(world.acme, on)})
