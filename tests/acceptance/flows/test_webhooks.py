"""The door for carriers."""

import base64
from collections.abc import Callable

import pytest

from tests.acceptance.flows.carrier_words import arrival, long_id, report
from tests.acceptance.flows.http_client import Answer, basic, eventually, request
from tests.acceptance.flows.world import MAIN, World

Number = Callable[[], str]


def bare(world: World, body: bytes, **headers: str) -> Answer:
    """Post a webhook with these headers only."""
    return request(f"{world.ingress}/webhooks/bandwidth-1", "POST", body=body, headers=headers)


def test_the_first_request_is_asked_for_credentials_and_the_second_taken(
    world: World, number: Number
) -> None:
    for body in (b"", b"[]", b"not json"):
        answer = bare(world, body)
        assert answer.status == 401
        assert answer.headers["www-authenticate"].startswith('Basic realm="')
    text = f"Second step {number()}"
    answer = world.main.tell([arrival(MAIN, text)])
    assert (answer.status, answer.body) == (200, b"")
    world.acme.arrived(text)


@pytest.mark.parametrize(
    "login",
    [
        basic("hook", "wrong"),
        basic("wrong", "hook-1"),
        basic("hook", "hook-2"),
        basic("", ""),
        {"Authorization": "Basic"},
        {"Authorization": "Basic ????"},
        {"Authorization": f"Bearer {base64.b64encode(b'hook:hook-1').decode()}"},
    ],
)
def test_wrong_credentials_are_refused_and_the_body_is_nobodys(
    world: World, number: Number, login: dict[str, str]
) -> None:
    text = f"Forged {number()}"
    answer = world.main.tell([arrival(MAIN, text)], **login)
    assert answer.status == 401
    assert "www-authenticate" in answer.headers
    marker = f"Honest {number()}"
    world.main.tell([arrival(MAIN, marker)])
    world.acme.arrived(marker)
    assert world.rows("SELECT 1 FROM messages WHERE text = ?", text) == []


def test_a_connection_that_there_is_not_is_not_found(world: World) -> None:
    answer = request(f"{world.ingress}/webhooks/nobody", "POST", body=b"[]", headers=world.main.webhook)
    assert answer.status == 404


def test_a_single_event_without_its_array_is_understood(world: World, number: Number) -> None:
    text = f"Alone {number()}"
    assert world.main.tell(arrival(MAIN, text)).status == 200
    world.acme.arrived(text)


def test_several_events_in_one_array_are_all_applied(world: World, number: Number) -> None:
    world.main.dial(drop_events=1)
    ids = [world.acme.send(number(), "Two in one") for _ in range(2)]
    sent = [world.acme.until(one, "submitted") for one in ids]
    text = f"And a third {number()}"
    body = [report(sent[0]), {"type": "message-frozen"}, report(sent[1]), arrival(MAIN, text), 7, None]
    assert world.main.tell(body).status == 200
    for one in ids:
        world.acme.until(one, "delivered")
    world.acme.arrived(text)


def test_an_unknown_type_of_event_is_kept_and_changes_nothing(world: World, number: Number) -> None:
    message = world.acme.until(world.acme.send(number(), "Hi"), "delivered")
    ident = long_id()
    strange = report(message, "message-frozen", id=ident)
    assert world.main.tell([strange]).status == 200
    (row,) = eventually(
        lambda: world.rows("SELECT verdict FROM webhooks WHERE CAST(body AS TEXT) LIKE ?", f"%{ident}%")
    )
    assert row["verdict"] == "message-frozen"
    assert world.acme.look(message["id"])["events"] == message["events"]


@pytest.mark.parametrize(
    "body",
    [b"{", b"[[[", b"\xff\xfe\x00", b'"text"', b"[" * 100_000, b'[{"type": "message-delivered"}]', b"12"],
)
def test_what_cannot_be_read_is_acknowledged_and_journaled(world: World, number: Number, body: bytes) -> None:
    padded = body + b" " * (1 + int(number()[-3:]))  # another digest than last time's
    assert world.main.tell(padded).status == 200
    rows = eventually(lambda: world.rows("SELECT body, verdict FROM webhooks WHERE body = ?", padded))
    assert rows[0]["verdict"]


def test_an_empty_array_is_fine(world: World) -> None:
    answer = world.main.tell([])
    assert (answer.status, answer.body) == (200, b"")


def test_a_body_of_more_than_a_megabyte_is_refused(world: World) -> None:
    answer = world.main.tell(b"[" + b" " * 1024 * 1024 + b"]")
    assert answer.status == 413
    assert len(answer.body) < 16_000


def test_a_report_without_our_tag_is_matched_by_the_carriers_id(world: World, number: Number) -> None:
    world.main.dial(drop_events=1)
    message = world.acme.until(world.acme.send(number(), "No tag"), "submitted")
    world.main.tell([report(message, tag=None)])
    world.acme.until(message["id"], "delivered")


def test_a_report_of_an_unknown_message_is_kept_for_later(world: World, number: Number) -> None:
    message = {"id": "0197a1b2-c3d4-7e5f-8a6b-0c1d2e3f4a5b", "provider_ref": long_id(), "from": MAIN}
    assert world.main.tell([report({**message, "to": number()})]).status == 200
    rows = eventually(
        lambda: world.rows("SELECT reason FROM parked WHERE news LIKE ?", f"%{message['provider_ref']}%")
    )
    assert [row["reason"] for row in rows] == ["no such message"]


def test_another_carriers_word_about_our_message_does_not_count(world: World, number: Number) -> None:
    world.main.dial(drop_events=1)
    message = world.acme.until(world.acme.send(number(), "Hi"), "submitted")
    assert world.plain.tell([report(message)]).status == 200
    eventually(
        lambda: world.rows(
            "SELECT 1 FROM parked WHERE connection = 'bandwidth-2' AND news LIKE ?", f"%{message['id']}%"
        )
    )
    assert world.acme.look(message["id"])["status"] == "submitted"
    world.main.tell([report(message)])
    world.acme.until(message["id"], "delivered")


def test_carriers_that_log_in_at_once_are_taken_at_once(world: World, number: Number) -> None:
    world.main.dial(webhook_auth="preemptive")
    posts = world.main.stats()["webhooks"]["posts"]
    world.acme.until(world.acme.send(number(), "Hi"), "delivered")
    assert world.main.stats()["webhooks"]["posts"] == posts + 1


def test_carriers_that_never_log_in_are_not_taken(world: World, number: Number) -> None:
    world.main.dial(webhook_auth="none")
    message_id = world.acme.send(number(), "Hi")
    eventually(lambda: world.main.stats()["webhooks"]["retried"])
    assert world.acme.look(message_id)["status"] == "submitted"
    world.main.dial()
    world.acme.until(message_id, "delivered")
