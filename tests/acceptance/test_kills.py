"""Processes die under load, and nothing that was accepted is lost."""

import signal

import pytest
import redis

from broker.dispatch import Queue
from broker.keyspace import keys
from tests.acceptance.ledger import Ledger
from tests.acceptance.load import Load
from tests.acceptance.stack import Stack

pytestmark = [pytest.mark.flaky_prone, pytest.mark.timeout(300)]


@pytest.fixture(autouse=True)
def _slow_carrier(stack: Stack) -> None:
    """Keep messages in flight for a while, so that a kill meets some."""
    stack.faults(latency_ms=100, event_delay_ms=50)


def test_a_killed_ingress_loses_nothing_it_accepted(stack: Stack) -> None:
    load = Load(stack, "ingress", 800, rate=400).start()
    load.told_at_least(200)
    stack.kill("ingress")
    ledger = Ledger(stack, load)
    assert load.troubles > 0, "the kill met nobody"
    ledger.balance()


def test_a_killed_submit_worker_loses_nothing_and_repeats_nothing_in_secret(stack: Stack) -> None:
    load = Load(stack, "worker", 1000, rate=500).start()
    load.told_at_least(300)
    stack.kill("worker", 0)
    Ledger(stack, load).balance()


def test_a_ring_that_a_frozen_worker_took_to_its_grave_loses_no_message(stack: Stack) -> None:
    with redis.Redis.from_url(stack.endpoints["redis"]) as client:
        for number in range(20):
            load = Load(stack, f"frozen{number}", 1)
            try:
                if _is_ring_taken_by_the_frozen(stack, client, load):
                    break
            finally:
                stack.kill("worker", 0)
            Ledger(stack, load).balance()
        else:
            pytest.fail("the worker never froze while it waited for a ring")
    Ledger(stack, load).balance()


def _is_ring_taken_by_the_frozen(stack: Stack, client: redis.Redis, load: Load) -> bool:
    """Freeze the worker, send, and say whether Redis gave it the ring: not if it froze between two questions."""
    stack.until(lambda: not client.llen(Queue.SUBMIT))
    stack.signal("worker", signal.SIGSTOP)
    load.start().told_at_least(1)
    assert client.zcard(keys.fresh(Queue.SUBMIT)) == 1
    return client.llen(Queue.SUBMIT) == 0


def test_a_killed_scheduler_is_not_missed(stack: Stack) -> None:
    stack.faults(latency_ms=20, event_delay_ms=50, errors={"503": 0.3}, seed=7)
    load = Load(stack, "scheduler", 400, rate=300).start()
    load.told_at_least(100)
    stack.kill("scheduler")
    Ledger(stack, load).balance()


def test_a_killed_redis_comes_back_with_everything_it_took(stack: Stack) -> None:
    load = Load(stack, "redis", 800, rate=300).start()
    load.told_at_least(200)
    stack.kill("redis")
    Ledger(stack, load).balance()


def test_the_other_worker_may_die_too(stack: Stack) -> None:
    load = Load(stack, "other", 300, rate=300).start()
    load.told_at_least(100)
    stack.kill("worker", 1)
    Ledger(stack, load).balance()


def test_everything_may_die_in_turn(stack: Stack) -> None:
    load = Load(stack, "turn", 900, rate=100).start()
    for number, (role, which) in enumerate(
        [("worker", 0), ("redis", 0), ("ingress", 0), ("scheduler", 0)], 1
    ):
        load.told_at_least(number * 100)
        stack.kill(role, which)
    Ledger(stack, load).balance()
