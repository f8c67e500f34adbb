"""Not before, and not after."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from tests.acceptance.flows import pictures
from tests.acceptance.flows.http_client import eventually
from tests.acceptance.flows.world import World

pytestmark = pytest.mark.flaky_prone

Number = Callable[[], str]


def stamp(at: datetime) -> str:
    """Return a time as the API takes it."""
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def soon(seconds: float) -> datetime:
    """Return a time from now."""
    return datetime.now(UTC) + timedelta(seconds=seconds)


def test_a_scheduled_message_waits_for_its_time(world: World, number: Number) -> None:
    to, at = number(), soon(2.5)
    message_id = world.acme.send(to, "Wake up", send_at=stamp(at))
    waiting = world.acme.until(message_id, "scheduled")
    assert (waiting["send_at"], waiting["attempts"]) == (stamp(at), [])
    world.acme.until(message_id, "delivered")
    (create,) = world.main.creates(to=to)
    assert create["at"] >= stamp(at)


def test_a_scheduled_picture_is_prepared_at_once_and_sent_in_time(world: World, number: Number) -> None:
    to, at = number(), soon(3)
    url = world.media.put("later.jpg", "image/jpeg", pictures.jpeg(12))
    message_id = world.acme.send(to, media=[{"url": url}], send_at=stamp(at))
    eventually(lambda: world.media.asked(url), "the picture to be fetched")
    world.acme.until(message_id, "delivered")
    (create,) = world.main.creates(to=to)
    assert create["at"] >= stamp(at)


def test_a_message_whose_validity_ended_in_the_queue_expires_and_is_never_sent(
    world: World, number: Number
) -> None:
    to = number()
    with world.workers_stopped():
        until = soon(0.8)
        message_id = world.acme.send(to, "Now or never", valid_until=stamp(until))
        eventually(lambda: datetime.now(UTC) > until)
        assert world.acme.look(message_id)["status"] == "accepted"
    message = world.acme.until(message_id, "expired")
    assert message["attempts"] == []
    assert world.main.creates(to=to) == []


def test_retries_end_with_the_validity(world: World, number: Number) -> None:
    world.acme.until(world.acme.send(number(), "Calm"), "delivered")  # the circuit is closed, whoever tried
    to, until = number(), soon(2.5)
    world.main.dial(errors={503: 1})
    message_id = world.acme.send(to, "Hurry", valid_until=stamp(until))
    message = world.acme.until(message_id, "expired")
    world.main.dial()
    assert message["attempts"]
    assert {attempt["outcome"] for attempt in message["attempts"]} == {"not_sent"}
    tries = world.main.creates(to=to)
    # An attempt that began in time may find no time left to send: it is recorded, and nothing left us.
    assert 0 <= len(message["attempts"]) - len(tries) <= 1
    assert all(entry["at"] < stamp(until) for entry in tries)


def test_the_carrier_is_told_how_long_a_text_is_good_for(world: World, number: Number) -> None:
    to, until = number(), soon(600)
    world.acme.until(world.acme.send(to, "Ten minutes", valid_until=stamp(until)), "delivered")
    assert [entry["expiration"] for entry in world.main.creates(to=to)] == [stamp(until)]


def test_a_validity_that_is_over_already_is_refused(world: World, number: Number) -> None:
    to = number()
    answer = world.acme.post({"to": to, "text": "Hi", "valid_until": stamp(soon(-1))})
    assert answer.status == 422
    assert answer.json()["errors"][0]["pointer"] == "/valid_until"
    assert world.acme.list(to=to)["data"] == []
