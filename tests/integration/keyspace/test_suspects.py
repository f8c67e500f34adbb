"""What is remembered of work that is tried alone."""

from collections.abc import Callable

import pytest

from broker.dispatch import Queue
from broker.domain.dead import DIED
from broker.keyspace.client import AWAY, open_sync
from broker.keyspace.suspects import Suspects
from broker.settings import Settings
from tests.redis_server import RedisServer


def test_a_try_is_under_way_until_its_time_is_over_and_then_its_worker_died(redis_url: str) -> None:
    suspects = Suspects(open_sync(redis_url, Settings()))
    suspects.begin(Queue.SUBMIT, "one", until_ms=1000)

    assert suspects.told(Queue.SUBMIT, ["one"], now_ms=999) == {"one": None}
    trace = suspects.told(Queue.SUBMIT, ["one"], now_ms=1000)["one"]
    assert trace is not None
    assert trace.error == DIED


def test_who_was_acquitted_while_redis_was_away_is_not_taken_for_dead(
    own_redis: Callable[..., RedisServer],
) -> None:
    server = own_redis()
    suspects = Suspects(open_sync(f"{server.url}/0", Settings(redis_timeout_s=0.2)))
    suspects.begin(Queue.SUBMIT, "one", until_ms=1000)
    server.freeze()
    with pytest.raises(AWAY):
        suspects.acquit(Queue.SUBMIT, "one")
    server.kill()
    server.start()
    suspects.begin(Queue.SUBMIT, "two", until_ms=1000)

    assert suspects.told(Queue.SUBMIT, ["one", "two"], now_ms=2000).keys() == {"two"}
    suspects.begin(Queue.SUBMIT, "one", until_ms=1000)
    assert suspects.told(Queue.SUBMIT, ["one"], now_ms=2000).keys() == {"one"}
