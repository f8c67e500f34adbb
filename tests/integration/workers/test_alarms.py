"""Alarms that are driven to fire and to clear: real pages before, during and after a trouble, judged by promtool."""

import fcntl
import signal
import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from pathlib import Path

import psycopg
import pytest

from broker.cli.chaos.servers import Postgres
from broker.dispatch import Queue
from broker.domain.callback import CallbackState, Untold
from broker.domain.dead import DIED, TRIES, Standing
from broker.domain.ids import new_id
from broker.keyspace import keys
from broker.keyspace.client import open_sync
from broker.metrics.listener import Listener
from broker.metrics.measures import SCHEDULER
from broker.metrics.meter import Meter
from broker.services import callback, events, figures, ledger, submit, sweep
from broker.settings import Settings
from broker.storage import accounts, provision, schema, told
from broker.storage.database import Database
from tests.alarms import PHASES, STEP_S, Page, fires, scrape
from tests.integration.workers.carrier import Carrier, until
from tests.integration.workers.conftest import World
from tests.integration.workers.test_events import arrive, delivered
from tests.integration.workers.test_poison import letters, poisoned, settle, take, work_or_die
from tests.redis_server import RedisServer
from tests.sink import Reply, Sink
from workers.minutes import Minutes
from workers.paces import Paces
from workers.watching import Watching


class Watched:
    """A worker, and what the scheduler sees of all; each shows its page on a port of its own."""

    def __init__(self, world: World, *, redis_url: str = "", database: Database | None = None) -> None:
        self.world = world
        settings = world.settings
        scheduler = Meter("scheduler", SCHEDULER)
        database = database or world.runtime.database
        self.paces = Paces(database)
        self._client = open_sync(redis_url or settings.redis_url, settings)
        self.minutes = Minutes(database, self._client, leads=lambda: True)
        written = lambda: self.minutes.served  # noqa: E731
        self.watching = Watching(self._client, self.paces, scheduler, held=self._held, written=written)
        self._listeners = {
            name: Listener(meter.page, host="127.0.0.1", port=0)
            for name, meter in {"worker": world.runtime.meter, "scheduler": scheduler}.items()
        }

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
        return self.seen()

    def seen(self) -> Page:
        """Scrape what a scheduler sees by itself."""
        self.watching.look()
        found: dict[str, float] = {}
        for name, one in self._listeners.items():
            found |= scrape(f"http://127.0.0.1:{one.port}/metrics", name)
        return found

    def glance(self) -> Page:
        """Look at SQL as a scheduler does, and scrape."""
        self.paces.look()
        self.minutes.look()
        return self.seen()

    def of(self, metric: str) -> bool:
        """Say whether a metric is above nought after another glance."""
        return any(value > 0 for name, value in self.glance().items() if name.startswith(metric))

    def take(self) -> None:
        """Take what waits."""
        submit.take(self.world.runtime, Queue.SUBMIT)

    def close(self) -> None:
        """Close what is ours."""
        for one in self._listeners.values():
            one.close()
        self._client.close()


@pytest.fixture
def sink() -> Iterator[Sink]:
    """The web server of a customer."""
    with closing(Sink()) as one:
        yield one


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


def test_dead_letters(watched: Watched, carrier: Carrier, tmp_path: Path) -> None:
    world, well = watched.world, watched.page()
    poisoned(world)
    ill = watched.page()
    assert settle(world, Standing.DISCARDED) == 1
    sweep.sweep(world.runtime)
    assert letters(world) == letters(world, Standing.LEAVING) == []
    fires("DeadLetters", (well, ill, watched.page()), tmp_path)


def test_dead_letters_of_a_message_that_kills_its_workers(
    watched: Watched, carrier: Carrier, tmp_path: Path
) -> None:
    world, well = watched.world, watched.page()
    (name,) = world.admit(text="deadly")
    assert [work_or_die(world) for _ in range(TRIES + 1)] == [-signal.SIGKILL] * TRIES + [0]
    assert [one.error for one in letters(world)] == [DIED]
    ill = watched.page()
    settle(world, Standing.PUT_BACK)
    sweep.sweep(world.runtime)
    take(world)
    assert carrier.tags() == [f"{name}.1"], "a worker that can bear it sends it"
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


@pytest.fixture
def postgres(tmp_path: Path) -> Iterator[Postgres]:
    """A PostgreSQL that may be stopped."""
    with (Path(tempfile.gettempdir()) / "embedded-postgres.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        server = Postgres(Path(tempfile.mkdtemp(prefix="broker-alarm-")) / "data")
    yield server
    server.end()


@pytest.fixture
def beside_postgres(world: World, postgres: Postgres) -> Iterator[Watched]:
    """A scheduler over a PostgreSQL that may be stopped."""
    schema.upgrade(postgres.url)
    database = Database(postgres.url)
    one = Watched(world, database=database)
    yield one
    one.close()
    database.close()


def test_sql_away(beside_postgres: Watched, postgres: Postgres, tmp_path: Path) -> None:
    watched, well = beside_postgres, beside_postgres.glance()
    postgres.signal(signal.SIGQUIT)
    until(lambda: not watched.of("broker_sql_up"))
    ill = watched.glance()
    postgres.start()
    until(lambda: watched.of("broker_sql_up"))
    fires("SqlAway", (well, ill, watched.glance()), tmp_path)


def test_sql_away_where_it_can_be_read_and_not_written(
    beside_postgres: Watched, postgres: Postgres, tmp_path: Path
) -> None:
    watched, well = beside_postgres, beside_postgres.glance()
    with closing(psycopg.connect(postgres.url, autocommit=True)) as client:
        client.execute("ALTER SYSTEM SET default_transaction_read_only = on")
        client.execute("SELECT pg_reload_conf()")
        until(lambda: not watched.of("broker_sql_up"))
        ill = watched.glance()
        assert watched.paces.served, "it is read"
        client.execute("SET default_transaction_read_only = off")
        client.execute("ALTER SYSTEM RESET default_transaction_read_only")
        client.execute("SELECT pg_reload_conf()")
    until(lambda: watched.of("broker_sql_up"))
    fires("SqlAway", (well, ill, watched.glance()), tmp_path)


def test_sql_away_where_another_process_keeps_the_lock_of_sqlite(
    watched: Watched, settings: Settings, tmp_path: Path
) -> None:
    well = watched.glance()
    path = watched.world.settings.database.removeprefix("sqlite:///")
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        ill = watched.glance()
        assert watched.paces.served, "it is read"
        other.execute("ROLLBACK")
    fires("SqlAway", (well, ill, watched.glance()), tmp_path)


def test_ledger_differs(watched: Watched, carrier: Carrier, tmp_path: Path) -> None:
    world = watched.world
    name, _ = world.admit(2)
    ledger.check(world.runtime)
    well = watched.page()
    content = world.redis.get(keys.content(name))
    world.redis.delete(keys.content(name))
    ledger.check(world.runtime)
    ill = watched.page()
    world.redis.set(keys.content(name), content)  # as somebody has it who kept Redis's file
    ledger.check(world.runtime)  # which finds that it waits nowhere, and sees to it
    world.runtime.schedule.put_back(Queue.SUBMIT)
    watched.take()
    ledger.check(world.runtime)
    assert len(carrier.tags()) == 2
    fires("LedgerDiffers", (well, ill, watched.page()), tmp_path)


def test_ledger_not_checked(watched: Watched, tmp_path: Path) -> None:
    """The worker for sweeps is away. What is seen of that within a second is drawn on, to a quarter of an hour."""
    world = watched.world
    sweep.sweep(world.runtime)
    well = watched.seen()
    time.sleep(1.1)
    ill = watched.seen()
    (age,) = [one for one in ill if one.startswith("broker_ledger_age_seconds")]
    assert ill[age] - well[age] >= 1, "it grows with the clock"
    later = {age: well[age] + (PHASES[1] - 1) * STEP_S}
    world.redis.delete(keys.turn("ledger"))  # ten seconds have passed
    sweep.sweep(world.runtime)
    fires("LedgerNotChecked", (well, ill, watched.seen()), tmp_path, later=later)


def test_ledger_never_checked(watched: Watched, tmp_path: Path) -> None:
    sweep.sweep(watched.world.runtime)
    well = watched.seen()
    watched.world.redis.delete(keys.figures())  # lost with Redis's file, and nobody sweeps
    ill = watched.seen()
    watched.world.redis.delete(keys.turn("ledger"))
    sweep.sweep(watched.world.runtime)
    fires("LedgerNotChecked", (well, ill, watched.seen()), tmp_path)


def test_callbacks_given_up(
    open_world: Callable[..., World], sink: Sink, carrier: Carrier, tmp_path: Path
) -> None:
    world = open_world(egress_allow=(sink.authority,), callback_first_s=0.01, callback_for_s=0.1)
    account = {"name": "acme", "callback_url": sink.url(), "callback_secret": "whsec_" + "c2Vj" * 8}
    key = world.settings.secret_key.get_secret_value()
    world.runtime.database.write(lambda sql: provision.apply(sql, {"accounts": [account]}, secret_key=key))
    with closing(Watched(world)) as watched:
        well = watched.page()
        sink.answer = lambda path, before: Reply(status=500)
        (name,) = world.admit()
        watched.take()

        def given_up() -> bool:
            callback.take(world.runtime)
            return world.runtime.database.read(told.counts)["kept"] == 1

        until(given_up)
        assert {one.json()["data"]["id"] for one in sink.told} == {name}
        ill = watched.page()
        sink.answer = lambda path, before: Reply()
        which = Untold(states=(CallbackState.GIVEN_UP,))
        now_ms = world.runtime.ready.now_ms()
        again = partial(told.again, which=which, after=None, limit=9, first_ms=now_ms, apart_ms=0)
        world.runtime.database.write(again)
        until(lambda: callback.take(world.runtime) or sink.good())
        fires("CallbacksGivenUp", (well, ill, watched.page()), tmp_path, soon=True)


def test_callbacks_fail(
    open_world: Callable[..., World], sink: Sink, carrier: Carrier, tmp_path: Path
) -> None:
    world = open_world(egress_allow=(sink.authority,), callback_first_s=0.01)
    account = {"name": "acme", "callback_url": sink.url(), "callback_secret": "whsec_" + "c2Vj" * 8}
    key = world.settings.secret_key.get_secret_value()
    world.runtime.database.write(lambda sql: provision.apply(sql, {"accounts": [account]}, secret_key=key))
    with closing(Watched(world)) as watched:
        well = watched.page()
        sink.answer = lambda path, before: Reply(status=500)
        world.admit(1)
        watched.take()
        until(lambda: callback.take(world.runtime) or sink.told)
        ill = watched.page()
        world.admit(40)
        watched.take()

        def tried() -> bool:
            callback.take(world.runtime)
            name = 'broker_webhook_out_total{outcome="tried_again",instance="worker"}'
            return watched.page()[name] > 30

        until(tried)
        later = watched.page()
        sink.answer = lambda path, before: Reply()
        until(lambda: callback.take(world.runtime) or len(sink.good()) == 41)
        fires("CallbacksFail", (well, ill, watched.page()), tmp_path, later=later)


def test_reports_missing(watched: Watched, carrier: Carrier, tmp_path: Path) -> None:
    world = watched.world

    def sent(count: int) -> list[str]:
        names = world.admit(count)
        until(lambda: watched.take() or not world.runtime.ready.waiting(Queue.SUBMIT))
        return names

    def reported(names: list[str]) -> None:
        arrive(world.settings, *(delivered(name) for name in names))
        until(lambda: events.take(world.runtime) or not world.redis.zcard(keys.outbox(Queue.EVENTS)))

    reported(sent(3))
    well = watched.page()
    silent = sent(2)
    ill = watched.page()
    silent += sent(200)
    later = watched.page()
    reported(silent)
    fires("ReportsMissing", (well, ill, watched.page()), tmp_path, later=later)


def test_reports_that_come_raise_no_alarm(watched: Watched, carrier: Carrier, tmp_path: Path) -> None:
    world = watched.world
    well = watched.page()
    names = world.admit(200)
    until(lambda: watched.take() or not world.runtime.ready.waiting(Queue.SUBMIT))
    arrive(world.settings, *(delivered(name) for name in names[:30]))
    until(lambda: events.take(world.runtime) or not world.redis.zcard(keys.outbox(Queue.EVENTS)))
    later = watched.page()
    with pytest.raises(AssertionError, match="FAILED"):
        fires("ReportsMissing", (well, well, later), tmp_path, later=later)


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
