"""How much a second workers say they took: as many callbacks as customers were told, as many sweeps as were done."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import redis

from broker.dispatch import Queue, ring
from broker.keyspace.presence import Worker
from broker.services import callback, figures
from tests.integration.services.test_callbacks import settle, submitted
from tests.integration.workers.carrier import until
from tests.integration.workers.conftest import World
from tests.integration.workers.test_doorbell import Worker as Process
from tests.integration.workers.test_presence import listed
from tests.sink import Reply, Sink
from workers.presence import LATELY
from workers.taken import taken

pytestmark = pytest.mark.timeout(240)
NUMBER, ROUNDS = 60, 7


@pytest.fixture
def sink() -> Iterator[Sink]:
    """The web server of a customer."""
    one = Sink()
    yield one
    one.close()


def words(world: World, *, begin: Callable[[], object], done: Callable[[], bool]) -> list[Worker]:
    """Have something begin once enough is known; return every word of the only worker until it has told of the end."""
    said: list[Worker] = []

    def more() -> bool:
        for one in listed(world.settings):
            if not said or one.seen_ms != said[-1].seen_ms:
                said.append(one)
        return True

    until(lambda: more() and len(said) > LATELY)
    begin()
    until(lambda: more() and done())
    heard = len(said)
    until(lambda: more() and len(said) > heard)
    return said


def amount(said: list[Worker], place: int, queue: Queue) -> float:
    """Return how much was taken in all, as a word and those before it tell; each tells of a stretch of time."""
    if place < LATELY:
        return 0.0  # it had not begun
    oldest = place - LATELY + 1
    span_s = (said[place].seen_ms - said[oldest].seen_ms) / 1000
    return said[place].taken[queue] * span_s + amount(said, oldest, queue)


def happen(world: World) -> None:
    """Owe callbacks, and ring for sweeps: these find what is due, and ring for it."""
    for _ in range(NUMBER):
        submitted(world.runtime)
    with redis.Redis.from_url(world.settings.redis_url) as client:
        client.lpush(Queue.SWEEPS, *(ring(Queue.SWEEPS) for _ in range(ROUNDS)))


def test_a_worker_says_as_many_callbacks_a_second_as_its_customer_was_told_and_each_round_of_sweeps(
    world: World, sink: Sink, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BROKER_EGRESS_ALLOW", json.dumps([sink.authority]))
    settle(world.runtime, acme=sink.url())
    worker = Process(world.settings, tmp_path, queues="callbacks,sweeps")
    try:
        said = words(
            world,
            begin=lambda: happen(world),
            done=lambda: len(sink.told) == NUMBER and listed(world.settings)[0].done >= ROUNDS,
        )
    finally:
        worker.process.kill()
        worker.process.wait()
    assert len({told.id for told in sink.told}) == NUMBER
    last = len(said) - 1
    assert amount(said, last, Queue.CALLBACKS) == pytest.approx(NUMBER, rel=0.05)
    assert amount(said, last, Queue.SWEEPS) == pytest.approx(ROUNDS, rel=0.05)


def test_what_is_tried_again_has_not_left_the_queue_and_what_is_held_or_given_up_has(
    open_world: Callable[..., World], sink: Sink
) -> None:
    world = open_world(egress_allow=(sink.authority,), callback_first_s=30)
    runtime = world.runtime
    settle(runtime, acme=sink.url())
    sink.answer = lambda path, before: Reply(status=500)
    for _ in range(3):
        submitted(runtime)

    def tried(count: int) -> None:
        until(lambda: callback.take(runtime) or len(sink.told) >= count)
        until(lambda: not runtime.errands)

    tried(3)
    assert taken(runtime)[Queue.CALLBACKS] == 0
    figures.count(runtime)
    assert world.redis.hget("figures:callbacks", "owed") == "3"
    sink.answer = lambda path, before: Reply(status=410)
    submitted(runtime)
    tried(4)
    assert taken(runtime)[Queue.CALLBACKS] == 1
