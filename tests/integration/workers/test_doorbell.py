"""A real Celery worker hears its bell, also when many ring and then nobody does."""

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import redis

from broker.dispatch import Queue, ring
from broker.settings import Settings
from tests.integration.workers.carrier import Carrier, until
from tests.integration.workers.conftest import admit, new_message
from tests.redis_server import RedisServer, die_with_parent
from workers.connection import LONGEST_S

pytestmark = [pytest.mark.flaky_prone, pytest.mark.timeout(240)]

MESSAGES, SLOTS = 80, 4
AWAKE_S = 30.0
"""Awake it takes a few seconds; asleep for ten seconds whenever all slots are full, it takes minutes."""


class Worker:
    """One worker process."""

    def __init__(self, settings: Settings, folder: Path, *, queues: str = "submit", name: str = "") -> None:
        env = {
            **os.environ,
            "BROKER_DATA_DIR": str(settings.data_dir),
            "BROKER_REDIS_URL": settings.redis_url,
            "BROKER_SECRET_KEY": settings.secret_key.get_secret_value(),
            "BROKER_WORKER_THREADS": str(SLOTS),
            "BROKER_TAKE_SIZE": "1",
        }
        self.log = folder / "worker.log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [
                    sys.executable,
                    "-m",
                    "workers.main",
                    "--queues",
                    queues,
                    *(["--name", name] if name else []),
                ],
                env=env,
                stdout=log,
                stderr=log,
                preexec_fn=die_with_parent,  # noqa: PLW1509  the child only calls prctl
            )
        until(lambda: b" ready." in self.log.read_bytes())


@pytest.fixture
def start_worker(tmp_path: Path) -> Iterator[Callable[[Settings], Worker]]:
    """Start workers that end with the test."""
    started: list[Worker] = []

    def start(settings: Settings) -> Worker:
        started.append(Worker(settings, tmp_path))
        return started[-1]

    yield start
    for one in started:
        one.process.kill()
        one.process.wait()


def all_sent_in_time(settings: Settings, carrier: Carrier) -> None:
    """Admit more messages than slots, each a task of its own, then be silent until all are with the carrier."""
    carrier.clear()
    carrier.faults(latency_ms=50)
    admit(settings, [new_message() for _ in range(MESSAGES)])
    with redis.Redis.from_url(settings.redis_url) as client:
        client.lpush(Queue.SUBMIT, *(ring(Queue.SUBMIT) for _ in range(MESSAGES)))
    until(lambda: len(carrier.tags()) == MESSAGES, within_s=AWAKE_S)


def test_more_tasks_than_slots_and_then_silence_are_all_done(
    prepared: Callable[..., Settings], carrier: Carrier, start_worker: Callable[[Settings], Any]
) -> None:
    settings = prepared(worker_threads=SLOTS)
    start_worker(settings)
    all_sent_in_time(settings, carrier)


def test_the_worker_stays_awake_after_redis_was_away(
    prepared: Callable[..., Settings],
    carrier: Carrier,
    start_worker: Callable[[Settings], Any],
    own_redis: Callable[..., RedisServer],
) -> None:
    server = own_redis()
    settings = prepared(worker_threads=SLOTS, redis_url=f"{server.url}/0")
    worker = start_worker(settings)
    for _ in range(2):
        server.kill()
        server.start()
        all_sent_in_time(settings, carrier)
    assert worker.process.poll() is None, "it lived on"


def test_the_worker_lives_on_when_redis_has_no_memory_for_its_notes(
    prepared: Callable[..., Settings],
    carrier: Carrier,
    start_worker: Callable[[Settings], Any],
    own_redis: Callable[..., RedisServer],
) -> None:
    server = own_redis("--maxmemory", "1gb")
    settings = prepared(worker_threads=SLOTS, redis_url=f"{server.url}/0")
    worker = start_worker(settings)

    def noticed(since: int) -> bool:
        return worker.process.poll() is not None or b"OutOfMemory" in worker.log.read_bytes()[since:]

    with redis.Redis.from_url(settings.redis_url) as client:
        for _ in range(3):
            until(lambda: client.info("clients")["blocked_clients"])  # the worker waits for a ring
            known = len(worker.log.read_bytes())
            with client.pipeline(transaction=True) as at_once:
                at_once.lpush(Queue.SUBMIT, ring(Queue.SUBMIT))  # and is given it at the end
                at_once.config_set("maxmemory", 1)
                at_once.execute()
            until(partial(noticed, known))
            client.config_set("maxmemory", "1gb")
            all_sent_in_time(settings, carrier)
    assert worker.process.poll() is None, "it lived on"


def test_the_worker_asks_for_redis_again_soon_however_long_it_is_away(
    prepared: Callable[..., Settings],
    start_worker: Callable[[Settings], Any],
    own_redis: Callable[..., RedisServer],
) -> None:
    server = own_redis()
    worker = start_worker(prepared(redis_url=f"{server.url}/0"))
    server.kill()

    def waits() -> list[float]:
        return [
            float(wait) for wait in re.findall(rb"Trying again in ([0-9.]+) seconds", worker.log.read_bytes())
        ]

    until(lambda: len(waits()) >= 8)
    assert max(waits()) <= LONGEST_S
