"""A worker that sleeps past its lease sends nothing when it wakes."""

import signal
import time
from datetime import datetime

import pytest

from tests.acceptance.ledger import Ledger, creates, message_of
from tests.acceptance.load import Load
from tests.acceptance.stack import Stack

pytestmark = [pytest.mark.flaky_prone, pytest.mark.timeout(300)]

LEASE_S = 6.0
SETTINGS = {"BROKER_LEASE_S": str(LEASE_S), "BROKER_WINDOW": "4", "BROKER_WORKER_THREADS": "2"}
"""A narrow window, so that most of a take waits for its turn while the worker sleeps."""


def test_a_worker_that_slept_longer_than_its_lease_sends_nothing_of_it(stack: Stack) -> None:
    stack.faults(latency_ms=200, event_delay_ms=20)
    asleep = stack.signal("worker", signal.SIGSTOP)
    load = Load(stack, "sleeper", 200).start()
    load.told_at_least(200)  # so that its takes are whole ones, however slowly we send
    stack.signal("worker", signal.SIGCONT)
    stack.until(lambda: len(creates(stack, load.label)) >= 8)
    stack.signal("worker", signal.SIGSTOP)
    before = len(creates(stack, load.label))
    time.sleep(LEASE_S + 2)  # the lease has to run out, there is nothing to ask
    stack.signal("worker", signal.SIGCONT)
    stack.faults(event_delay_ms=20)
    ledger = Ledger(stack, load)

    assert stack.pid("worker") == asleep, "it lived on"
    ledger.balance()
    assert before < 200, "there was something left to send"
    tries = [try_ for record in ledger.records.values() for try_ in record["attempts"]]
    assert any("no time left" in (one["error"] or "") for one in tries)
    for entry in creates(stack, load.label):
        name, number = message_of(entry["tag"]), int(entry["tag"].rpartition(".")[2])
        if name in ledger.records:
            started = moment(ledger.records[name]["attempts"][number - 1]["started_at"])
            assert moment(entry["at"]) - started < LEASE_S, "sent after its lease"


def moment(text: str) -> float:
    """Return a time of the API or the journal in seconds."""
    return datetime.fromisoformat(text).timestamp()
