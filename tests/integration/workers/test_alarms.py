"""Alarms that are driven to fire and to clear: real pages before, during and after a trouble, judged by promtool."""

import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest

from broker.dispatch import Queue
from broker.domain.dead import Kind, Letter
from broker.domain.ids import new_id
from broker.ingress.metrics import CERTIFICATE_ENDS, INGRESS
from broker.keyspace import keys
from broker.keyspace.client import open_sync
from broker.metrics.measures import HEARTBEAT, SCHEDULER, WEBHOOK_OUT
from broker.metrics.meter import Meter
from broker.services import events, figures, submit
from broker.settings import Settings
from broker.storage import accounts, dead
from broker.storage.database import Database
from broker.storage.dead import Parking
from tests.alarms import Page, fires, parse
from tests.integration.workers.carrier import Carrier, until
from tests.integration.workers.conftest import World
from tests.integration.workers.test_events import arrive, delivered
from tests.redis_server import RedisServer, die_with_parent, free_port
from workers.paces import Paces
from workers.watching import Watching


def read(meters: Mapping[str, Meter]) -> Page:
    """Return the samples of all pages as one scrape."""
    found: dict[str, float] = {}
    for instance, meter in meters.items():
        found.update(parse(meter.page().decode(), instance))
    return found


class Watched:
    """A worker, what the scheduler sees of all, and what an ingress would show beside."""

    def __init__(self, world: World, *, redis_url: str = "") -> None:
        self.world = world
        settings = world.settings
        self.scheduler = Meter("scheduler", SCHEDULER)
        self.ingress = Meter("ingress", INGRESS)
        self.paces = Paces(world.runtime.database)
        self._client = open_sync(redis_url or settings.redis_url, settings)
        self.watching = Watching(self._client, self.paces, self.scheduler, held=self._held)

    def _held(self) -> dict[tuple[str, ...], float]:
        found = self.world.runtime.directory.look().providers
        return {
            (name, "credentials"): float(one.connection.held_at is not None) for name, one in found.items()
        }

    def page(self) -> Page:
        """Look, and scrape."""
        self.world.runtime.directory.forget()
        self.paces.look()
        figures.count(self.world.runtime)
        self.watching.look()
        meters = {"worker": self.world.runtime.meter, "scheduler": self.scheduler, "ingress": self.ingress}
        return read(meters)

    def take(self) -> None:
        """Take what waits."""
        submit.take(self.world.runtime, Queue.SUBMIT)

    def close(self) -> None:
        """Close what is ours."""
        self._client.close()


@pytest.fixture
def watched(world: World) -> Iterator[Watched]:
    one = Watched(world)
    yield one
    one.close()


def test_nothing_flows(watched: Watched, tmp_path: Path) -> None:
    well = watched.page()
    watched.world.admit(2)
    ill = watched.page()
    watched.take()
    fires("NothingFlows", (well, ill, watched.page()), tmp_path)


def test_backlog_old(watched: Watched, tmp_path: Path) -> None:
    well = watched.page()
    (name,) = watched.world.admit()
    watched.world.redis.zincrby(keys.outbox(Queue.SUBMIT), -120_000, name)
    ill = watched.page()
    watched.take()
    fires("BacklogOld", (well, ill, watched.page()), tmp_path)


def test_circuit_open(watched: Watched, carrier: Carrier, tmp_path: Path) -> None:
    watched.page()
    well = watched.page()
    carrier.faults(errors={503: 1})
    watched.world.admit(5)
    watched.take()
    ill = watched.page()
    carrier.faults()

    def closed() -> bool:
        watched.world.release()
        watched.take()
        return not any(one.is_open for one in watched.world.runtime.breakers.look(["bandwidth-1"]).values())

    watched.world.admit(5)
    until(closed)
    fires("CircuitOpen", (well, ill, watched.page()), tmp_path)


def test_connection_held(watched: Watched, carrier: Carrier, tmp_path: Path) -> None:
    well = watched.page()
    carrier.faults(errors={403: 1})
    watched.world.admit()
    watched.take()
    ill = watched.page()
    carrier.faults()
    watched.world.runtime.database.write(lambda sql: accounts.resume(sql, "bandwidth-1"))
    fires("ConnectionHeld", (well, ill, watched.page()), tmp_path)


def test_dead_letters(watched: Watched, tmp_path: Path) -> None:
    well = watched.page()
    letter = Letter(
        id=new_id(),
        kind=Kind.WEBHOOK,
        subject="digest",
        account=None,
        connection="bandwidth-1",
        at=datetime.now(UTC),
        tries=3,
        error="ValueError",
    )
    database = watched.world.runtime.database
    database.write(lambda sql: dead.park(sql, [Parking(letter=letter)]))
    ill = watched.page()
    database.write(lambda sql: sql.exec_driver_sql("UPDATE dead_letters SET standing = 'discarded'"))
    fires("DeadLetters", (well, ill, watched.page()), tmp_path)


@pytest.mark.parametrize("alert", ["RedisAway", "QueueDepthUnknown"])
def test_redis_away(alert: str, world: World, own_redis: Callable[..., RedisServer], tmp_path: Path) -> None:
    server = own_redis()
    one = Watched(world, redis_url=f"{server.url}/0")
    well = one.page()
    server.kill()
    ill = one.page()
    server.start()
    fires(alert, (well, ill, one.page()), tmp_path)
    one.close()


def test_redis_memory_high(world: World, own_redis: Callable[..., RedisServer], tmp_path: Path) -> None:
    server = own_redis("--maxmemory", "64mb")
    one = Watched(world, redis_url=f"{server.url}/0")
    well = one.page()
    with server.client() as client:
        client.mset({f"much{n}": "x" * 1_000_000 for n in range(20)})
        client.mset({f"more{n}": "x" * 1_000_000 for n in range(20)})
    ill = one.page()
    with server.client() as client:
        client.flushdb()
    fires("RedisMemoryHigh", (well, ill, one.page()), tmp_path)
    one.close()


def test_sql_away(watched: Watched, settings: Settings, tmp_path: Path) -> None:
    well = watched.page()
    nowhere = Database(f"sqlite:///{tmp_path}/nowhere/broker.db")
    there, watched.paces._database = watched.paces._database, nowhere
    ill = watched.page()
    watched.paces._database = there
    fires("SqlAway", (well, ill, watched.page()), tmp_path)
    nowhere.close()


@pytest.mark.parametrize(
    ("alert", "ill"),
    [
        ("LedgerDiffers", {"ledger_difference": 2}),
        ("LedgerNotChecked", {"ledger_checked_ms": 1}),
    ],
)
def test_what_the_ledger_found(watched: Watched, alert: str, ill: dict[str, int], tmp_path: Path) -> None:
    usual = {"ledger_difference": 0, "ledger_checked_ms": round(time.time() * 1000)}
    stand = watched.world.runtime.figures.stand
    pages = []
    for values in (usual, usual | ill, usual):
        stand(values)
        pages.append(watched.page())
    fires(alert, (pages[0], pages[1], pages[2]), tmp_path)


def test_callbacks_given_up(watched: Watched, tmp_path: Path) -> None:
    well = watched.page()
    watched.world.runtime.meter.count(WEBHOOK_OUT, "given_up")
    ill = watched.page()
    fires("CallbacksGivenUp", (well, ill, watched.page()), tmp_path, soon=True)


def test_worker_silent(watched: Watched, tmp_path: Path) -> None:
    meter = watched.world.runtime.meter
    pages = []
    for ago in (0, 120, 0):
        meter.show(HEARTBEAT, lambda ago=ago: {(): time.time() - ago})  # type: ignore[misc]  # bound now
        pages.append(watched.page())
    fires("WorkerSilent", (pages[0], pages[1], pages[2]), tmp_path)


def test_certificate_ends(watched: Watched, tmp_path: Path) -> None:
    pages = []
    for days in (90, 5, 90):
        watched.ingress.show(CERTIFICATE_ENDS, lambda days=days: {(): time.time() + days * 86400})  # type: ignore[misc]
        pages.append(watched.page())
    fires("CertificateEnds", (pages[0], pages[1], pages[2]), tmp_path)


def test_news_parked(watched: Watched, tmp_path: Path) -> None:
    world = watched.world
    well = watched.page()
    bodies = [delivered(new_id(), time=f"2026-11-21T12:00:00.{n:03}Z") for n in range(101)]
    arrive(world.settings, *bodies)
    while world.redis.zcard(keys.outbox(Queue.EVENTS)):
        events.take(world.runtime)
    ill = watched.page()
    arrive(world.settings, delivered(new_id(), time="2026-11-21T13:00:00.000Z"))
    events.take(world.runtime)
    later = watched.page()  # and from then on no more come: they stay listed, and harm nobody
    fires("NewsParked", (well, ill, later), tmp_path, later=later)


def test_refusals_many(watched: Watched, carrier: Carrier, tmp_path: Path) -> None:
    world = watched.world
    world.admit(5)
    watched.take()
    well = watched.page()
    carrier.faults(errors={400: 1})
    world.admit(2)
    watched.take()
    ill = watched.page()
    world.admit(60)
    watched.take()
    later = watched.page()
    carrier.faults()
    world.admit(60)
    watched.take()
    fires("RefusalsMany", (well, ill, watched.page()), tmp_path, later=later)


class Scheduler:
    """A scheduler process, as Prometheus sees it."""

    def __init__(self, settings: Settings, log: Path) -> None:
        self.port = free_port()
        env = {
            **os.environ,
            "BROKER_DATA_DIR": str(settings.data_dir),
            "BROKER_REDIS_URL": settings.redis_url,
            "BROKER_SECRET_KEY": settings.secret_key.get_secret_value(),
            "BROKER_METRICS_PORT": str(self.port),
        }
        with log.open("ab") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "workers.scheduler"],
                env=env,
                stdout=output,
                stderr=output,
                preexec_fn=die_with_parent,  # noqa: PLW1509  the child only calls prctl
            )

    def page(self) -> Page:
        """Scrape it; nothing comes of one that is not there."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/metrics", timeout=5) as answer:
                return parse(answer.read().decode(), f"scheduler-{self.port}")
        except OSError:
            return {}

    def leads(self) -> bool:
        """Say whether it is the active one."""
        return any(name.startswith("broker_scheduler_active") and on for name, on in self.page().items())

    def end(self) -> None:
        """Kill it."""
        self.process.kill()
        self.process.wait()


def test_no_active_scheduler(world: World, tmp_path: Path) -> None:
    first = Scheduler(world.settings, tmp_path / "log")
    try:
        until(first.leads)
        standby = Scheduler(world.settings, tmp_path / "log")
        until(lambda: standby.page() and not standby.leads())
        well = {**first.page(), **standby.page()}
        first.end()
        until(standby.leads)  # which is no reason for an alarm
        fires_not = {**first.page(), **standby.page()}
        assert sum(on for name, on in fires_not.items() if name.startswith("broker_scheduler_active")) == 1
        standby.end()
        ill = {**first.page(), **standby.page()}
        again = Scheduler(world.settings, tmp_path / "log")
        until(again.leads)
        fires("NoActiveScheduler", (well, ill, again.page()), tmp_path)
        again.end()
    finally:
        first.end()
