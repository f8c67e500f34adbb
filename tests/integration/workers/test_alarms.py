"""Alarms that are driven to fire and to clear: real pages before, during and after a trouble, judged by promtool."""

import json
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from broker.dispatch import Queue
from broker.domain.dead import Kind, Letter
from broker.domain.ids import new_id
from broker.ingress.metrics import CERTIFICATE_ENDS, INGRESS
from broker.keyspace import keys
from broker.keyspace.client import open_sync
from broker.metrics.measures import HEARTBEAT, SCHEDULER, WEBHOOK_OUT
from broker.metrics.meter import Meter
from broker.services import figures, submit
from broker.settings import Settings
from broker.storage import accounts, dead
from broker.storage.database import Database
from broker.storage.dead import Parking
from tests.integration.workers.carrier import Carrier, until
from tests.integration.workers.conftest import World
from tests.promtool import promtool
from tests.redis_server import RedisServer
from tests.unit.test_house import ROOT
from workers.paces import Paces
from workers.watching import Watching

RULES = ROOT / "deploy" / "prometheus" / "rules.yml"
STEP_S = 15
PHASES = (20, 60, 120)
"""Scrapes of each phase: well, in trouble, well again; longer than any rule looks back."""

CLOCKS = ("broker_worker_heartbeat_seconds", "broker_certificate_ends_seconds")
"""Times of the clock: promtool's begins at nought."""

Page = Mapping[str, float]


def read(meters: Mapping[str, Meter]) -> Page:
    """Return the samples of all pages as one scrape, each with its instance; clocks are told as from now."""
    found = {}
    for instance, meter in meters.items():
        for family in text_string_to_metric_families(meter.page().decode()):
            for sample in family.samples:
                labels = ",".join(
                    f'{name}="{value}"' for name, value in {**sample.labels, "instance": instance}.items()
                )
                ago = time.time() if sample.name in CLOCKS else 0
                if sample.name.startswith("broker_"):
                    found[f"{sample.name}{{{labels}}}"] = sample.value - ago
    return found


def fires(alert: str, pages: tuple[Page, Page, Page], folder: Path, *, soon: bool = False) -> None:
    """Let promtool judge: silence, the alarm (`soon` after the trouble began, where it clears by itself), silence."""
    series = []
    for name in sorted(set().union(*pages)):
        values, begin = [], 0
        for page, count in zip(pages, PHASES, strict=True):
            if name not in page:
                values.append(f"_x{count}")
            elif name.startswith("broker_worker_heartbeat"):
                beats = page[name] > -5
                values.append(f"{begin + page[name]:.3f}{'+15' if beats else '+0'}x{count - 1}")
            elif name.startswith(CLOCKS):
                values.append(f"{begin + page[name]:.3f}+0x{count - 1}")
            else:
                values.append(f"{page[name]!r}+0x{count - 1}")
            begin += count * STEP_S
        series.append({"series": name, "values": " ".join(values)})
    ends = [sum(PHASES[: n + 1]) * STEP_S - STEP_S for n in range(3)]
    ends[1] = PHASES[0] * STEP_S + 120 if soon else ends[1]
    firing = f'max(ALERTS{{alertname="{alert}",alertstate="firing"}})'
    asked = [
        {
            "expr": firing,
            "eval_time": f"{end}s",
            "exp_samples": [{"labels": "{}", "value": 1}] if n == 1 else [],
        }
        for n, end in enumerate(ends)
    ]
    test = {"interval": f"{STEP_S}s", "input_series": series, "promql_expr_test": asked}
    document = {"rule_files": [str(RULES)], "evaluation_interval": f"{STEP_S}s", "tests": [test]}
    file = folder / "test.yml"
    file.write_text(json.dumps(document))
    done = subprocess.run(
        [promtool(), "test", "rules", str(file)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


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
