"""Asking for messages, and asking twice for the same."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.acceptance.flows.http_client import eventually, query, request
from tests.acceptance.flows.world import World

Number = Callable[[], str]


def test_the_same_key_and_body_are_one_message(world: World, number: Number) -> None:
    to = number()
    body = {"to": to, "text": "Pay once"}
    first = world.acme.post(body, Idempotency_Key=f"pay-{to}")
    again = world.acme.post({"text": "Pay once", "to": to}, Idempotency_Key=f"pay-{to}")
    assert (first.status, again.status) == (202, 202)
    assert first.json() == again.json()
    assert "idempotency-replayed" not in first.headers
    assert again.headers["idempotency-replayed"] == "true"
    world.acme.until(first.json()["id"], "delivered")
    late = world.acme.post(body, Idempotency_Key=f"pay-{to}")
    assert late.json() == first.json()
    assert len(world.main.creates(to=to)) == 1
    assert len(world.acme.list(to=to)["data"]) == 1


def test_the_same_key_with_another_body_is_a_conflict(world: World, number: Number) -> None:
    to = number()
    first = world.acme.post({"to": to, "text": "One"}, Idempotency_Key=f"key-{to}")
    other = world.acme.post({"to": to, "text": "Two"}, Idempotency_Key=f"key-{to}")
    assert (first.status, other.status) == (202, 409)
    assert other.headers["content-type"] == "application/problem+json"
    stranger = world.globex.post({"to": to, "text": "Two"}, Idempotency_Key=f"key-{to}")
    assert stranger.status == 202, "a key is one account's"
    world.acme.until(first.json()["id"], "delivered")
    world.globex.until(stranger.json()["id"], "delivered")


def test_a_key_sent_many_times_at_once_is_one_message(world: World, number: Number) -> None:
    to = number()
    with ThreadPoolExecutor(16) as pool:
        answers = list(
            pool.map(
                lambda _: world.acme.post({"to": to, "text": "Race"}, Idempotency_Key=f"race-{to}"), range(32)
            )
        )
    assert {answer.status for answer in answers} == {202}
    assert len({answer.json()["id"] for answer in answers}) == 1
    world.acme.until(answers[0].json()["id"], "delivered")
    assert len(world.main.creates(to=to)) == 1


@pytest.mark.flaky_prone
def test_an_id_just_given_is_found_from_the_first_instant_and_ever_after(
    world: World, number: Number
) -> None:
    def statuses(message_id: str) -> set[int]:
        url = f"{world.ingress}/v1/messages/{message_id}"
        return {request(url, headers=world.acme.headers).status for _ in range(4)}

    def send(to: str) -> str:
        return world.acme.send(to, "Where are you?")

    with ThreadPoolExecutor(12) as pool:
        with world.workers_stopped():
            ids = list(pool.map(send, [number() for _ in range(24)]))
            assert set().union(*pool.map(statuses, ids)) == {200}
            assert {world.acme.look(one)["status"] for one in ids[:3]} == {"accepted"}
        # Now each of them moves from Redis to SQL, while everybody looks.
        waiting = list(ids)
        while waiting:
            assert set().union(*pool.map(statuses, waiting)) == {200}
            waiting = [one for one in waiting if world.acme.look(one)["status"] != "delivered"]


def test_an_unknown_id_and_another_accounts_are_equally_not_found(world: World, number: Number) -> None:
    message_id = world.acme.send(number(), "Mine")
    url = f"{world.ingress}/v1/messages"
    foreign = request(f"{url}/{message_id}", headers=world.globex.headers)
    unknown = request(f"{url}/0197a1b2-c3d4-7e5f-8a6b-0c1d2e3f4a5b", headers=world.globex.headers)
    world.acme.until(message_id, "delivered")
    later = request(f"{url}/{message_id}", headers=world.globex.headers)
    assert foreign.status == unknown.status == later.status == 404
    assert foreign.body == unknown.body == later.body
    for odd in ("x", "..%2f", "%00", "1" * 500):
        assert request(f"{url}/{odd}", headers=world.acme.headers).status == 404


def test_a_list_is_filtered_and_read_page_by_page(world: World, number: Number) -> None:
    to, failing = number(), number()
    world.main.dial(recipient_failures={failing: 4720})
    ids = [world.acme.send(to, f"Number {n}", reference=f"list-{to}") for n in range(5)]
    bad = world.acme.send(failing, "Never", reference=f"list-{to}")
    for one in ids:
        world.acme.until(one, "delivered")
    world.acme.until(bad, "undelivered")

    found: list[str] = []
    page = world.acme.list(reference=f"list-{to}", limit="2")
    while True:
        found += [message["id"] for message in page["data"]]
        assert len(page["data"]) == 2
        if page["next_cursor"] is None:
            break
        page = world.acme.list(reference=f"list-{to}", limit="2", cursor=page["next_cursor"])
    newest_first = sorted([bad, *ids], reverse=True)  # two may be of one millisecond
    assert found == newest_first

    def named(**wanted: str) -> list[str]:
        return [message["id"] for message in world.acme.list(reference=f"list-{to}", **wanted)["data"]]

    assert named(to=to) == sorted(ids, reverse=True)
    assert named(status="undelivered") == [bad]
    assert named(status="delivered", to=failing) == []
    assert named(direction="out", from_=world.acme.sender) == newest_first
    assert named(direction="in") == []
    assert world.globex.list(reference=f"list-{to}")["data"] == []


def test_a_list_query_that_makes_no_sense_is_refused_with_its_parameter(world: World) -> None:
    for parameter, value in (
        ("limit", "0"),
        ("limit", "x"),
        ("limit", "\uff11"),
        ("limit", "99999999999"),
        ("cursor", "nonsense"),
        ("status", "lost"),
        ("direction", "up"),
        ("colour", "red"),
        ("to", "a\0b"),
    ):
        url = query(f"{world.ingress}/v1/messages", **{parameter: value})
        answer = request(url, headers=world.acme.headers)
        assert answer.status == 400, parameter
        assert answer.json()["errors"][0]["pointer"] == f"/{parameter}"


def test_nobody_looks_without_credentials(world: World) -> None:
    for path in ("/v1/messages", "/v1/messages/0197a1b2-c3d4-7e5f-8a6b-0c1d2e3f4a5b"):
        for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": "Basic !!"}):
            answer = request(world.ingress + path, headers=headers)
            assert answer.status == 401
            assert answer.headers["www-authenticate"].startswith("Bearer")


def test_the_description_of_the_api_and_the_state_of_the_server_are_open(world: World) -> None:
    assert request(f"{world.ingress}/livez").status == 200
    assert eventually(lambda: request(f"{world.ingress}/readyz").status == 200)
    assert request(f"{world.ingress}/openapi.json").json()["openapi"].startswith("3.")
    assert request(f"{world.ingress}/metrics").status == 200
