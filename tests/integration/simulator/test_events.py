"""What the simulator posts: status events and messages from phones."""

import asyncio
import base64
from typing import Any

import orjson
import pytest

from broker.simulator.exchange import Reply
from broker.simulator.server import Server

from .conftest import MESSAGE, Caller, Door, Start

pytestmark = pytest.mark.asyncio
GROUP = {**MESSAGE, "to": ["+12025550101", "+12025550102", "+12025550103"]}


async def test_an_sms_is_delivered(caller: Caller, door: Door) -> None:
    ident = orjson.loads((await caller.create()).body)["id"]

    (event,) = await door.until(1)

    assert (event["type"], event["to"], event["description"]) == ("message-delivered", "+12025550101", "ok")
    message = event["message"]
    assert (message["id"], message["tag"], message["text"]) == (ident, MESSAGE["tag"], "")


async def test_webhooks_log_in_on_the_second_step(caller: Caller, door: Door) -> None:
    await caller.create()
    await door.until(1)

    first, second = door.calls
    assert "authorization" not in first.headers
    assert base64.b64decode(second.headers["authorization"].removeprefix("Basic ")) == b"hook:word"
    assert second.headers["user-agent"] == "BandwidthAPI/v2"
    assert second.body == first.body


async def test_webhooks_can_log_in_at_once(caller: Caller, door: Door) -> None:
    await caller.dial(webhook_auth="preemptive")
    await caller.create()
    await door.until(1)

    assert len(door.calls) == 1


async def test_a_group_is_handed_on_and_then_ends_for_each_recipient(caller: Caller, door: Door) -> None:
    await caller.dial(recipient_failures={"+12025550103": 4702})
    await caller.create(GROUP)

    events = await door.until(6)

    assert [event["type"] for event in events[:3]] == ["message-sending"] * 3
    assert {event["to"]: event["type"] for event in events[3:]} == {
        "+12025550101": "message-delivered",
        "+12025550102": "message-delivered",
        "+12025550103": "message-failed",
    }
    assert next(event["errorCode"] for event in events if "errorCode" in event) == 4702
    assert len({event["message"]["id"] for event in events}) == 1


async def test_what_is_not_taken_is_posted_again(caller: Caller, door: Door) -> None:
    door.plan = [500, 503]
    await caller.create()
    await door.until(1)

    tally = (await caller.stats())["webhooks"]
    assert (tally["acked"], tally["retried"], tally["failed"], tally["pending"]) == (1, 2, 0, 0)


async def test_a_refusal_without_a_challenge_is_not_a_login_prompt(start: Start) -> None:
    asked: list[str] = []

    def refuse(call: Any) -> Reply:
        asked.append(call.headers.get("authorization", ""))
        return Reply(status=401)

    closed = Server(refuse)
    url = f"http://127.0.0.1:{await closed.start('127.0.0.1', 0)}/"
    caller = await start(webhook_urls=(url,), webhook_tries=1)
    await caller.create()
    while (await caller.stats())["webhooks"]["failed"] == 0:
        pass
    await closed.stop()

    assert asked == [""]


async def test_events_can_come_before_the_answer(caller: Caller, door: Door) -> None:
    await caller.dial(events_before_answer=True)

    await caller.create()

    assert [event["type"] for event in door.events] == ["message-delivered"]


async def test_events_can_come_twice_or_never(caller: Caller, door: Door) -> None:
    await caller.dial(duplicate_events=1)
    await caller.create()
    first, second = await door.until(2)
    assert first["message"]["id"] == second["message"]["id"]

    await caller.dial(drop_events=1, event_delay_ms=0)
    await caller.create()
    while (await caller.stats())["webhooks"]["planned"]:
        pass
    assert (await caller.stats())["webhooks"]["dropped"] == 1
    assert len(door.events) == 2


async def test_events_can_come_in_reverse(caller: Caller, door: Door) -> None:
    await caller.dial(reorder_events=1)
    await caller.create({**GROUP, "to": GROUP["to"][:2]})

    events = await door.until(4)

    assert [event["type"] for event in events] == ["message-delivered"] * 2 + ["message-sending"] * 2


async def test_many_due_events_share_arrays(start: Start, door: Door) -> None:
    caller = await start(webhook_concurrency=1, webhook_events=50)
    body = {"from": "+12025550101", "to": "+12025550150", "text": "x", "count": 200}
    await caller.ask("POST", "/sim/inbound", orjson.dumps(body))

    await door.until(200)

    assert max(len(orjson.loads(call.body)) for call in door.calls) == 50


async def test_an_inbound_mms_links_to_parts_that_need_credentials(caller: Caller, door: Door) -> None:
    media = [
        {"name": "0.smil", "content_type": "application/smil", "text": "<smil/>"},
        {
            "name": "IMG 1.jpg",
            "content_type": "image/jpeg",
            "data": base64.b64encode(b"\xff\xd8\xff").decode(),
        },
        {"name": "big.bin", "content_type": "image/png", "size": 100_000},
        {"url": "http://elsewhere.example/x.jpg"},
    ]
    body = {"from": "+12025550101", "to": ["+12025550150"], "text": "Look at this", "media": media}
    answer = await caller.ask("POST", "/sim/inbound", orjson.dumps(body))

    (event,) = await door.until(1)

    message = event["message"]
    assert answer.status == 202
    assert (event["type"], event["to"], message["direction"]) == ("message-received", "+12025550150", "in")
    assert orjson.loads(answer.body) == {
        "id": message["id"],
        "ids": [message["id"]],
        "media": message["media"],
    }
    assert message["media"][3] == "http://elsewhere.example/x.jpg"
    assert message["media"][1].endswith(f"/media/{message['id']}/1/IMG%201.jpg")
    assert (await caller.ask("GET", message["media"][1])).status == 401
    picture = await caller.signed("GET", message["media"][1])
    assert (picture.body, picture.headers["content-type"]) == (b"\xff\xd8\xff", "image/jpeg")
    assert len((await caller.signed("GET", message["media"][2])).body) == 100_000


async def test_each_own_number_gets_its_own_inbound_message(caller: Caller, door: Door) -> None:
    numbers = ["+12025550150", "+12025550151"]
    body = {"from": "+12025550101", "to": [*numbers, "+12025550199"], "owners": numbers, "text": "all"}
    await caller.ask("POST", "/sim/inbound", orjson.dumps(body))

    events = await door.until(2)

    assert [event["message"]["owner"] for event in events] == numbers
    assert len({event["message"]["id"] for event in events}) == 2


@pytest.mark.parametrize(
    "body", [{}, {"from": "+1", "to": []}, {"from": "+1", "to": "+2", "media": [{"data": "%"}]}]
)
async def test_an_unreadable_inbound_request_is_refused(caller: Caller, body: dict[str, Any]) -> None:
    assert (await caller.ask("POST", "/sim/inbound", orjson.dumps(body))).status == 400


async def test_media_links_are_fetched_and_a_lost_one_fails_the_message(caller: Caller, door: Door) -> None:
    await caller.signed("PUT", f"{caller.media}/own.txt", b"own", content_type="text/plain")
    host = Server(lambda call: Reply(status=200 if call.path == "/there" else 404, body=b"x" * 10))
    base = f"http://127.0.0.1:{await host.start('127.0.0.1', 0)}"

    await caller.create({**MESSAGE, "media": [f"{caller.media}/own.txt", f"{base}/there"]})
    events = await door.until(2)
    assert events[1]["type"] == "message-delivered"
    await caller.create({**MESSAGE, "media": [f"{base}/gone"]})
    events = await door.until(3)
    await host.stop()

    assert (events[2]["type"], events[2]["errorCode"]) == ("message-failed", 4410)
    fetches = orjson.loads((await caller.ask("GET", "/sim/fetches")).body)["fetches"]
    assert [(fetch["status"], fetch["size"]) for fetch in fetches] == [(200, 3), (200, 10), (0, 0)]


async def test_webhooks_can_be_aimed_anew(start: Start, door: Door) -> None:
    caller = await start(webhook_urls=())
    await caller.ask("PUT", "/sim/webhook", orjson.dumps({"url": door.url, "user": "u", "password": "p"}))

    await caller.create()

    assert len(await door.until(1)) == 1


async def test_webhooks_go_to_several_addresses_in_turn_and_round_one_that_is_dead(
    caller: Caller, door: Door
) -> None:
    other = Door()
    server = Server(other.handle)
    other.url = f"http://127.0.0.1:{await server.start('127.0.0.1', 0)}/webhooks/bandwidth-1"
    aim = {"url": [door.url, other.url], "user": "u", "password": "p"}
    await caller.ask("PUT", "/sim/webhook", orjson.dumps(aim))

    for _ in range(4):
        await caller.create()
    first, second = await door.until(2), await other.until(2)
    assert len({event["message"]["id"] for event in [*first, *second]}) == 4

    await server.stop()
    for _ in range(4):
        await caller.create()
    assert len({event["message"]["id"] for event in await door.until(6)}) == 6


async def test_events_that_wait_survive_webhooks_that_lead_nowhere(caller: Caller, door: Door) -> None:
    nowhere = {"url": "", "user": "u", "password": "p"}
    closed = {**nowhere, "url": "http://127.0.0.1:9/"}
    await caller.ask("PUT", "/sim/webhook", orjson.dumps(closed))
    await caller.create()
    for aim in (closed, nowhere):
        await caller.ask("PUT", "/sim/webhook", orjson.dumps(aim))
        before = (await caller.stats())["webhooks"]["retried"]
        while (await caller.stats())["webhooks"]["retried"] == before:
            await asyncio.sleep(0.01)
    await caller.ask("PUT", "/sim/webhook", orjson.dumps({**nowhere, "url": door.url}))
    (event,) = await door.until(1)
    assert event["type"] == "message-delivered"
