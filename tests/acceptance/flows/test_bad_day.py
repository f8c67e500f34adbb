"""A carrier that does everything wrong at once."""

from collections import Counter
from collections.abc import Callable

import pytest

from tests.acceptance.flows.http_client import eventually
from tests.acceptance.flows.world import World

pytestmark = pytest.mark.flaky_prone

Number = Callable[[], str]

MESSAGES = 150
DIALS = {
    "latency_jitter_ms": 100,
    "errors": {429: 0.08, 503: 0.08, 500: 0.04},
    "accept_then_drop": 0.08,
    "drop_before_accept": 0.05,
    "no_id": 0.1,
    "duplicate_events": 0.3,
    "reorder_events": 0.3,
    "event_delay_ms": 100,
}


def test_everything_ends_delivered_and_whatever_was_sent_twice_says_so(world: World, number: Number) -> None:
    recipients = [number() for _ in range(MESSAGES)]
    world.main.dial(**DIALS)
    ids = world.acme.send_all(recipients, "A bad day")

    def ends() -> Counter[str]:
        page = world.acme.list(limit="200")["data"]
        return Counter(one["status"] for one in page if one["id"] in ids.values())

    eventually(lambda: ends()["delivered"] == MESSAGES, "all to be delivered", within_s=90)
    world.main.dial()
    taken = Counter(
        entry["tag"].partition(".")[0]
        for entry in world.main.creates()
        if entry["id"] and entry["tag"].partition(".")[0] in ids.values()
    )
    assert set(taken) == set(ids.values()), "each was taken by the carrier"
    messages = {one: world.acme.look(one) for one in ids.values()}
    for message_id, message in messages.items():
        outcomes = [attempt["outcome"] for attempt in message["attempts"]]
        assert taken[message_id] == 1 or message["possible_duplicate"], outcomes
        # A repeat follows only after "not sent" or "unknown".
        assert set(outcomes[:-1]) <= {"not_sent", "unknown"}, outcomes
        assert message["possible_duplicate"] or "unknown" not in outcomes[:-1], outcomes
        assert "unknown" in outcomes or not message["possible_duplicate"], outcomes
        assert [event["status"] for event in message["events"]].count("delivered") == 1
