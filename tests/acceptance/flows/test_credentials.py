"""Trouble with our credentials at the carrier."""

from collections.abc import Callable, Iterator

import pytest

from tests.acceptance.flows.http_client import eventually
from tests.acceptance.flows.test_times import soon, stamp
from tests.acceptance.flows.world import TOKEN, World

pytestmark = pytest.mark.flaky_prone

Number = Callable[[], str]


@pytest.fixture(autouse=True)
def _released(world: World) -> Iterator[None]:
    """Leave the connection as it was found: in use."""
    yield
    world.token.dial()
    eventually(lambda: not held(world), "the connection to be released")


def held(world: World) -> bool:
    """Say whether the connection is held."""
    (row,) = world.rows("SELECT held_at FROM connections WHERE name = 'bandwidth-3'")
    return row["held_at"] is not None


def send(world: World, to: str, **fields: str) -> str:
    """Send over the connection in trouble."""
    return world.acme.send(to, "Hi", from_=TOKEN, **fields)


def tokens(world: World) -> tuple[int, int]:
    """Return how many tokens were given and refused."""
    found = world.token.stats()["tokens"]
    return found["given"], found["refused"]


def test_a_token_serves_many_messages(world: World, number: Number) -> None:
    world.acme.until(send(world, number()), "delivered")
    before = tokens(world)
    for one in [send(world, number()) for _ in range(5)]:
        world.acme.until(one, "delivered")
    assert tokens(world) == before


def test_a_token_that_is_refused_once_is_renewed_once_and_the_message_sent(
    world: World, number: Number
) -> None:
    world.acme.until(send(world, number()), "delivered")
    given, refused = tokens(world)
    world.token.dial(revoke_tokens=True)
    to = number()
    message = world.acme.until(send(world, to), "delivered")
    assert [attempt["outcome"] for attempt in message["attempts"]] == ["sent"]
    assert tokens(world) == (given + 1, refused)
    assert len([entry for entry in world.token.creates(to=to) if entry["status"] == 202]) == 1


def test_a_token_that_expires_in_a_burst_is_renewed_once(world: World, number: Number) -> None:
    world.acme.until(send(world, number()), "delivered")
    given, _ = tokens(world)
    world.token.dial(revoke_tokens=True, latency_ms=20)
    ids = world.acme.send_all([number() for _ in range(60)], "Burst", **{"from": TOKEN})
    for one in ids.values():
        message = world.acme.until(one, "delivered")
        assert [attempt["outcome"] for attempt in message["attempts"]] == ["sent"]
    assert tokens(world)[0] == given + 1
    assert not held(world)


def test_when_the_first_secret_is_withdrawn_the_second_is_used(world: World, number: Number) -> None:
    given, refused = tokens(world)
    world.token.dial(revoke_tokens=True, revoked_secrets=["first"])
    message = world.acme.until(send(world, number()), "delivered")
    assert [attempt["outcome"] for attempt in message["attempts"]] == ["sent"]
    assert tokens(world) == (given + 1, refused + 1)


def test_a_token_service_that_is_away_for_a_moment_costs_nothing(world: World, number: Number) -> None:
    to = number()
    world.token.dial(revoke_tokens=True, token_errors={503: 1})
    message_id = send(world, to)
    world.acme.when(message_id, lambda found: found["attempts"] and found["attempts"][0]["ended_at"])
    world.token.dial()
    message = world.acme.until(message_id, "delivered")
    assert {attempt["outcome"] for attempt in message["attempts"][:-1]} == {"not_sent"}
    assert not held(world)
    assert len([entry for entry in world.token.creates(to=to) if entry["status"] == 202]) == 1


def test_credentials_refused_twice_hold_the_connection_until_they_work_again(
    world: World, number: Number
) -> None:
    first, second = number(), number()
    world.token.dial(errors={401: 1})
    tried = send(world, first)
    eventually(lambda: held(world), "the connection to be held")
    assert world.acme.look(tried)["status"] == "retrying"
    waiting = send(world, second)
    other = world.acme.send(number(), "By another way")
    world.acme.until(other, "delivered")
    world.token.dial()
    for one in (tried, waiting):
        world.acme.until(one, "delivered")
    assert [entry["status"] for entry in world.token.creates(to=first)][:2] == [401, 401]
    assert len([entry for entry in world.token.creates(to=second) if entry["status"] == 202]) == 1
    attempts = world.acme.look(tried)["attempts"]
    assert (attempts[0]["outcome"], attempts[0]["http_status"]) == ("not_sent", 401)


def test_both_secrets_withdrawn_hold_the_connection_and_nothing_is_lost(world: World, number: Number) -> None:
    to = number()
    world.token.dial(revoke_tokens=True, revoked_secrets=["first", "second"])
    ids = [send(world, to if n == 0 else number()) for n in range(3)]
    eventually(lambda: held(world), "the connection to be held")
    world.token.dial()
    for one in ids:
        world.acme.until(one, "delivered")
    assert len([entry for entry in world.token.creates(to=to) if entry["status"] == 202]) == 1


def test_a_message_on_a_held_connection_still_expires_in_time(world: World, number: Number) -> None:
    to = number()
    world.token.dial(errors={401: 1})
    send(world, number())
    eventually(lambda: held(world), "the connection to be held")
    message = world.acme.until(send(world, to, valid_until=stamp(soon(2))), "expired")
    accepted = [entry for entry in world.token.creates(to=to) if entry["status"] == 202]
    assert (accepted, message["status"]) == ([], "expired")
