"""Circuits on a real server."""

from collections.abc import Iterator

import pytest

from broker.keyspace import keys
from broker.keyspace.circuits import FIRST_MS, LONGEST_MS, OPENS_AFTER, Circuits, Leave
from broker.keyspace.client import Sync, open_sync
from broker.settings import Settings

ENDPOINT, OTHER = "acme customer.example", "acme other.example"


@pytest.fixture
def client(settings: Settings) -> Iterator[Sync]:
    with open_sync(settings.redis_url, settings) as opened:
        yield opened


@pytest.fixture
def circuits(client: Sync) -> Circuits:
    return Circuits(client, probe_s=30)


def fail(circuits: Circuits, times: int = OPENS_AFTER) -> list[int]:
    return [circuits.failed(ENDPOINT, probe=False) for _ in range(times)]


def let_the_pause_end(client: Sync) -> None:
    client.hset(keys.circuit(ENDPOINT), "until", 1)


def test_a_few_failures_do_not_open_it_and_one_success_forgets_them(circuits: Circuits) -> None:
    assert fail(circuits, OPENS_AFTER - 1) == [0] * (OPENS_AFTER - 1)
    circuits.worked(ENDPOINT)
    assert fail(circuits, 1) == [0]
    assert circuits.ask([ENDPOINT, OTHER]) == {ENDPOINT: Leave.YES, OTHER: Leave.YES}


def test_too_many_failures_open_it_for_this_endpoint_only(circuits: Circuits) -> None:
    assert fail(circuits)[-1] == FIRST_MS
    assert circuits.ask([ENDPOINT, OTHER]) == {ENDPOINT: Leave.NO, OTHER: Leave.YES}


def test_failures_that_were_under_way_do_not_make_the_pause_longer(circuits: Circuits) -> None:
    fail(circuits)
    assert fail(circuits, 50) == [FIRST_MS] * 50


def test_after_the_pause_one_may_probe(circuits: Circuits, client: Sync) -> None:
    fail(circuits)
    let_the_pause_end(client)
    assert circuits.ask([ENDPOINT]) == {ENDPOINT: Leave.PROBE}
    assert circuits.ask([ENDPOINT]) == {ENDPOINT: Leave.NO}


def test_each_failed_probe_doubles_the_pause_up_to_the_longest(circuits: Circuits, client: Sync) -> None:
    fail(circuits)
    pauses = [circuits.failed(ENDPOINT, probe=True) for _ in range(20)]
    assert pauses[:3] == [FIRST_MS * 2, FIRST_MS * 4, FIRST_MS * 8]
    assert pauses[-1] == LONGEST_MS
    assert 0 < client.pttl(keys.circuit(ENDPOINT)) <= 3 * LONGEST_MS  # type: ignore[operator]  # sync client


def test_a_probe_that_works_closes_it(circuits: Circuits, client: Sync) -> None:
    fail(circuits)
    let_the_pause_end(client)
    circuits.worked(ENDPOINT)
    assert circuits.ask([ENDPOINT]) == {ENDPOINT: Leave.YES}
    assert client.exists(keys.circuit(ENDPOINT)) == 0


def test_a_pause_that_is_asked_for_opens_it_at_once(circuits: Circuits) -> None:
    assert circuits.failed(ENDPOINT, probe=False, asked_ms=90_000) == 90_000
    assert circuits.ask([ENDPOINT]) == {ENDPOINT: Leave.NO}


def test_nobody_is_asked_about_nothing(circuits: Circuits) -> None:
    assert circuits.ask([]) == {}
