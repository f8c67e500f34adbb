"""Alarms about processes, driven to fire and to clear: they are stopped, killed, and left without Redis."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from broker.settings import Settings
from tests.alarms import BEATS_S, SCRAPE_S, Page, fires, scrape
from tests.integration.workers.carrier import until
from tests.redis_server import RedisServer, die_with_parent, free_port

pytestmark = pytest.mark.timeout(240)


class Process:
    """A process of ours, as Prometheus sees it: by the name of its job and its port."""

    def __init__(self, settings: Settings, log: Path, job: str, *command: str) -> None:
        port = free_port()
        self._url, self._name = f"http://127.0.0.1:{port}/metrics", f"{job}-{port}"
        env = {
            **os.environ,
            "BROKER_DATA_DIR": str(settings.data_dir),
            "BROKER_REDIS_URL": settings.redis_url,
            "BROKER_SECRET_KEY": settings.secret_key.get_secret_value(),
            "BROKER_METRICS_PORT": str(port),
            "BROKER_WORKER_THREADS": "2",
        }
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-m", *command],
                env=env,
                stdout=output,
                stderr=output,
                preexec_fn=die_with_parent,  # noqa: PLW1509  the child only calls prctl
            )

    def page(self, *, within_s: float = SCRAPE_S) -> Page:
        """Scrape it."""
        return scrape(self._url, self._name, within_s=within_s)

    def of(self, metric: str) -> float | None:
        """Return the one value of a metric of it, if it shows any."""
        return next((value for name, value in self.page().items() if name.startswith(metric)), None)

    def send(self, number: int) -> None:
        """Send it a signal."""
        self._process.send_signal(number)

    def close(self) -> None:
        """Kill it."""
        self._process.kill()
        self._process.wait()


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Process]]:
    """Start processes, `start(settings, "scheduler")`, which end with the test."""
    started: list[Process] = []
    commands = {"scheduler": ["workers.scheduler"], "worker": ["workers.main", "--queues", "submit"]}

    def one(settings: Settings, job: str) -> Process:
        started.append(Process(settings, tmp_path / "log", job, *commands[job]))
        return started[-1]

    yield one
    for process in started:
        process.close()


def test_no_active_scheduler(
    prepared: Callable[..., Settings], start: Callable[..., Process], tmp_path: Path
) -> None:
    settings = prepared()

    def leads(one: Process) -> bool:
        return one.of("broker_scheduler_active") == 1

    first = start(settings, "scheduler")
    until(lambda: leads(first))
    standby = start(settings, "scheduler")
    until(lambda: standby.of("broker_scheduler_active") == 0)
    well = {**first.page(), **standby.page()}
    first.close()
    until(lambda: leads(standby))  # which is no reason for an alarm
    fires_not = {**first.page(), **standby.page()}
    assert sum(on for name, on in fires_not.items() if name.startswith("broker_scheduler_active")) == 1
    standby.close()
    ill = {**first.page(), **standby.page()}
    again = start(settings, "scheduler")
    until(lambda: leads(again))
    fires("NoActiveScheduler", (well, ill, again.page()), tmp_path)


def test_worker_silent(
    prepared: Callable[..., Settings],
    start: Callable[..., Process],
    own_redis: Callable[..., RedisServer],
    tmp_path: Path,
) -> None:
    server = own_redis()
    one = start(prepared(redis_url=f"{server.url}/0"), "worker")

    def silent_s() -> float:
        return -(one.of("broker_worker_heartbeat_seconds") or -BEATS_S)

    until(lambda: silent_s() < BEATS_S / 2)
    well = one.page()
    server.kill()
    until(lambda: silent_s() > BEATS_S)
    ill = one.page()
    server.start()
    until(lambda: silent_s() < BEATS_S / 2)
    again = one.page()
    fires("WorkerSilent", (well, ill, again), tmp_path)

    other = {name.replace("worker-", "worker-1"): value for name, value in well.items()}
    one.send(signal.SIGSTOP)  # another worker goes on, and this one has no page any more
    ill = one.page(within_s=1)
    one.send(signal.SIGCONT)
    until(lambda: silent_s() < BEATS_S / 2)
    fires("WorkerSilent", ({**again, **other}, {**ill, **other}, {**one.page(), **other}), tmp_path)
