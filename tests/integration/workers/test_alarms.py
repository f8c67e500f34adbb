"""Alarms that are driven to fire and to clear: real pages before, during and after a trouble, judged by promtool."""

import time
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from broker.dispatch import Queue
from broker.domain.callback import CallbackState, Untold
from broker.domain.dead import Kind, Letter
from broker.domain.ids import new_id
from broker.keyspace import keys
from broker.keyspace.client import open_sync
from broker.metrics.listener import Listener
from broker.metrics.measures import SCHEDULER
from broker.metrics.meter import Meter
from broker.services import callback, events, figures, ledger, submit, sweep
from broker.settings import Settings
from broker.storage import accounts, dead, provision, told
from broker.storage.database import Database
from broker.storage.dead import Parking
from tests.alarms import PHASES, STEP_S, Page, fires, scrape
from tests.integration.workers.carrier import Carrier, until
from tests.integration.workers.conftest import World
from tests.integration.workers.test_events import arrive, delivered
from tests.redis_server import RedisServer
from tests.sink import Reply, Sink
from workers.paces import Paces
from workers.watching import Watching


class Watched:
    """A worker, and what the scheduler sees of all; each shows its page on a port of its own."""

    def __init__(self, world: World, *, redis_url: str = "") -> None:
        self.world = world
        settings = world.settings
        scheduler = Meter("scheduler", SCHEDULER)
        self.paces = Paces(world.runtime.database)
        self._client = open_sync(redis_url or settings.redis_url, settings)
        self.watching = Watching(self._client, self.paces, scheduler, held=self._held)
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
        world.runtime.database.write(lambda sql: told.again(sql, which, now_ms=now_ms, apart_ms=0))
        until(lambda: callback.take(world.runtime) or sink.good())
        fires("CallbacksGivenUp", (well, ill, watched.page()), tmp_path, soon=True)


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
