"""One scheduler is active; when it is killed or frozen the other takes over, and it stays the only one."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from broker.dispatch import Queue
from broker.keyspace import keys
from broker.keyspace.client import open_sync
from broker.keyspace.releasing import Releasing
from broker.keyspace.schedule import Schedule
from broker.metrics.measures import SCHEDULER
from broker.metrics.meter import Meter
from broker.settings import Settings
from broker.storage.database import Database
from tests.integration.workers.carrier import until
from tests.integration.workers.conftest import World
from tests.redis_server import die_with_parent
from workers.paces import Paces
from workers.scheduler import LEAD_S, Scheduler, run


class Standby:
    """A scheduler process, and what it says of itself."""

    def __init__(self, settings: Settings, log: Path) -> None:
        self._path = log
        env = {
            **os.environ,
            "BROKER_DATA_DIR": str(settings.data_dir),
            "BROKER_REDIS_URL": settings.redis_url,
            "BROKER_SECRET_KEY": settings.secret_key.get_secret_value(),
            "BROKER_LOG_FORMAT": "json",
        }
        with log.open("wb") as file:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "workers.scheduler"],
                env=env,
                stdout=file,
                stderr=file,
                preexec_fn=die_with_parent,  # noqa: PLW1509  the child only calls prctl
            )

    def turns(self) -> list[str]:
        """Return when it began to lead and to stand by, in order."""
        said = [json.loads(line)["event"] for line in self._path.read_text().splitlines()]
        return [one for one in said if one in ("scheduler_leads", "scheduler_stands_by")]

    def end(self) -> None:
        """End it, however it is."""
        self.process.kill()
        self.process.wait()


@pytest.fixture
def pair(world: World, tmp_path: Path) -> Iterator[list[Standby]]:
    """Two schedulers."""
    both = [Standby(world.settings, tmp_path / f"scheduler-{n}.log") for n in range(2)]
    yield both
    for one in both:
        one.end()


def leader(world: World, pair: list[Standby]) -> Standby | None:
    """Return which of the two Redis says is active."""
    name = world.redis.get(keys.leader()) or ""
    return next((one for one in pair if name.endswith(f":{one.process.pid}")), None)


@pytest.mark.parametrize("fault", [signal.SIGKILL, signal.SIGSTOP])
def test_a_standby_takes_over_from_a_scheduler_that_is_killed_or_frozen(
    world: World, pair: list[Standby], fault: signal.Signals
) -> None:
    first = until(lambda: leader(world, pair))
    until(lambda: first.turns() == ["scheduler_leads"])
    (other,) = [one for one in pair if one is not first]
    assert other.turns() == [], "one is active"

    first.process.send_signal(fault)
    until(lambda: leader(world, pair) is other)
    world.redis.zadd(keys.schedule(Queue.SUBMIT), {"due": 1})
    until(lambda: world.redis.lpos(keys.ready(Queue.SUBMIT), "due") is not None)
    assert other.turns() == ["scheduler_leads"]

    if fault is signal.SIGSTOP:
        first.process.send_signal(signal.SIGCONT)
        until(lambda: first.turns() == ["scheduler_leads", "scheduler_stands_by"])
        assert leader(world, pair) is other
        assert other.turns() == ["scheduler_leads"]


def test_who_is_no_longer_active_moves_nothing(world: World) -> None:
    settings, redis = world.settings, world.redis
    meter = Meter("scheduler", SCHEDULER)
    with open_sync(settings.redis_url, settings) as client:
        database = Database(settings.database)
        paces = Paces(database)
        one = Scheduler(Schedule(client, rings=2), Releasing(client, rings=2), paces, settings, meter)
        redis.zadd(keys.schedule(Queue.SUBMIT), {"due": 1})
        one.tick(0.0)
        assert redis.lrange(keys.ready(Queue.SUBMIT), 0, -1) == ["due"]

        redis.set(keys.leader(), "another")
        redis.zadd(keys.schedule(Queue.SUBMIT), {"later": 1})
        one.tick(LEAD_S)
        one.tick(LEAD_S + 1)
        assert redis.lrange(keys.ready(Queue.SUBMIT), 0, -1) == ["due"]

        redis.delete(keys.leader())
        one.tick(2 * LEAD_S + 1)
        assert redis.lrange(keys.ready(Queue.SUBMIT), 0, -1) == ["later", "due"]
    database.close()


def test_what_falls_due_is_moved_ten_to_twenty_times_a_second(world: World) -> None:
    rounds, asked, moved = 30, [], []

    class Stop(threading.Event):
        """Notes each rest that is asked for and what was moved before it; something falls due meanwhile."""

        def wait(self, timeout: float | None = None) -> bool:
            asked.append(timeout or 0.0)
            moved.append(world.redis.llen(keys.ready(Queue.SUBMIT)))
            world.redis.zadd(keys.schedule(Queue.SUBMIT), {f"due-{len(asked)}": 1})
            return len(asked) > rounds

    run(world.settings, Stop())
    assert moved == [*range(rounds + 1)], "each look moves what fell due since the one before"
    assert len(set(asked)) == 1, "between two looks there is the same rest"
    assert 10 <= 1 / asked[0] <= 20
