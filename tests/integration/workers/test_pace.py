"""Rates over many worker processes, several schedulers, and kills of both."""

import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import redis
from sqlalchemy import text

from broker.domain.status import Status
from broker.keyspace import keys
from broker.settings import Settings
from broker.storage import messages, provision
from broker.storage.database import Database
from broker.storage.engine import open_engine
from broker.storage.tables import metadata
from tests.integration.conftest import *  # noqa: F403  # the PostgreSQL of this process
from tests.integration.workers.carrier import Carrier, until
from tests.integration.workers.conftest import World, admit, new_message
from tests.redis_server import die_with_parent

pytestmark = [pytest.mark.flaky_prone, pytest.mark.timeout(400)]

WORKERS, SCHEDULERS = 8, 2
MESSAGES = 20
RATE = 1
MOST_IN_TEN = 12
"""What a carrier takes in eleven seconds, and one."""


class Crew:
    """Worker and scheduler processes; who is killed is replaced."""

    def __init__(self, settings: Settings, folder: Path) -> None:
        self._log = (folder / "crew.log").open("wb")
        self._env = {
            **os.environ,
            "BROKER_DATA_DIR": str(settings.data_dir),
            "BROKER_REDIS_URL": settings.redis_url,
            "BROKER_DATABASE_URL": settings.database_url,
            "BROKER_SECRET_KEY": settings.secret_key.get_secret_value(),
            "BROKER_WORKER_THREADS": "2",
            "BROKER_LEASE_S": "6",
            "BROKER_UNKNOWN_HOLD_S": "1",
            "BROKER_SUBMIT_TIMEOUT_S": "2",
            "BROKER_SWEEP_EVERY_S": "1",
            "BROKER_PUT_BACK_S": "1",
            "BROKER_RETRY_FIRST_S": "0.5",
        }
        work = ["workers.main", "--queues", "submit.high,submit,sweeps"]
        self.workers = [self._start(work) for _ in range(WORKERS)]
        self.schedulers = [self._start(["workers.scheduler"]) for _ in range(SCHEDULERS)]

    def _start(self, words: list[str]) -> "tuple[list[str], subprocess.Popen[bytes]]":
        process = subprocess.Popen(
            [sys.executable, "-m", *words],
            env=self._env,
            stdout=self._log,
            stderr=self._log,
            preexec_fn=die_with_parent,  # noqa: PLW1509  the child only calls prctl
        )
        return words, process

    def kill(self, group: "list[tuple[list[str], subprocess.Popen[bytes]]]", number: int) -> None:
        """Kill one at once, and start another."""
        words, process = group[number]
        process.send_signal(signal.SIGKILL)
        process.wait()
        group[number] = self._start(words)

    def end(self) -> None:
        """End all of them."""
        for _, process in self.workers + self.schedulers:
            process.kill()
            process.wait()
        self._log.close()


@pytest.fixture
def crowd(make_settings: Callable[..., Settings], postgres_url: str, carrier: Carrier) -> Iterator[World]:
    """A world on PostgreSQL whose connection lets each sender speak once a second."""
    settings = make_settings(database_url=postgres_url)
    engine = open_engine(postgres_url)
    with engine.begin() as connection:
        for table in metadata.tables:
            connection.execute(text(f"TRUNCATE {table}"))
    engine.dispose()
    document = {
        "accounts": [{"name": "acme", "api_keys": ["a"], "senders": ["+12025550150"]}],
        "connections": [{**carrier.connection(), "sender_mps": RATE}],
    }
    database = Database(settings.database)
    secret_key = settings.secret_key.get_secret_value()
    database.write(lambda sql: provision.apply(sql, document, secret_key=secret_key))
    database.close()
    world = World(settings)
    yield world
    world.close()


@pytest.fixture
def waiting(crowd: World) -> list[str]:
    """Messages that were admitted before any worker runs."""
    return admit(crowd.settings, [new_message() for _ in range(MESSAGES)])


@pytest.fixture
def crew(crowd: World, waiting: list[str], tmp_path: Path) -> Iterator[Crew]:
    one = Crew(crowd.settings, tmp_path)
    yield one
    one.end()


class Grants:
    """The slots of a sender as Redis gives them: each moves his pace to the end of the slot."""

    def __init__(self, settings: Settings) -> None:
        self.ends_us: list[int] = []
        self._pace = keys.pace("bandwidth-1", "+12025550150")
        self._client: Any = redis.Redis.from_url(settings.redis_url)
        self._monitor = self._client.monitor().__enter__()
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Hear what was said until now, and no more."""
        self._client.set("heard", "all")
        self._thread.join()
        self._monitor.__exit__(None, None, None)
        self._client.close()

    def _listen(self) -> None:
        for said in self._monitor.listen():
            if said["command"] == "SET heard all":
                return
            if said["command"].startswith(f"SET {self._pace} "):
                self.ends_us.append(int(said["command"].removeprefix(f"SET {self._pace} ").split(" ")[0]))


@pytest.fixture
def grants(crowd: World) -> Iterator[Grants]:
    one = Grants(crowd.settings)
    yield one
    one.close()


def test_one_sender_at_one_a_second_over_eight_workers_that_are_killed(
    crowd: World, waiting: list[str], grants: Grants, crew: Crew, carrier: Carrier
) -> None:
    dice, ids = random.Random(7), waiting

    next_kill = 1

    def all_sent() -> bool:
        nonlocal next_kill
        if len(carrier.tags()) >= next_kill:
            crew.kill(crew.workers, dice.randrange(WORKERS))
            if next_kill % 4 == 0:
                crew.kill(crew.schedulers, dice.randrange(SCHEDULERS))
            next_kill += 3
        time.sleep(0.2)
        found = crowd.runtime.database.read(lambda sql: messages.load(sql, ids))
        return len(found) == MESSAGES and {one.status for one in found.values()} == {Status.SUBMITTED}

    until(all_sent, within_s=300)
    apart_us = [later - earlier for earlier, later in pairwise(grants.ends_us)]
    assert len(apart_us) >= MESSAGES - 1
    assert min(apart_us) >= 1_000_000 / RATE, "never two slots in one second"
    taken = carrier.taken()
    sent = Counter(tag.partition(".")[0] for _, tag in taken)
    assert set(sent) == set(ids), "none is lost"
    for one in (name for name, times in sent.items() if times > 1):
        assert crowd.record(one).message.possible_duplicate, "no repeat is hidden"
    times = [at for at, _ in taken]
    most = max(sum(start <= at < start + 10 for at in times) for start in times)
    assert most <= MOST_IN_TEN, times
