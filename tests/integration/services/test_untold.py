"""Callbacks that were not told: kept, listed, told again, forgotten in time, and counted."""

import asyncio
import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from broker.domain.callback import CallbackState, Untold, UntoldCallback
from broker.domain.ids import new_id
from broker.domain.status import Status
from broker.keyspace.client import open_async
from broker.keyspace.clock import Clock
from broker.runtime import Runtime
from broker.services import figures, forgetting
from broker.services.replay import BATCH, BATCH_MS, Replay, Replayed
from broker.services.sql import AsyncSql
from broker.storage import callbacks
from broker.storage.callbacks import Owing, Tried
from tests.integration.services.owed import all_are, rows, until
from tests.integration.services.test_callbacks import arrival, settle, status_of, submitted
from tests.sink import Reply, Sink

Prepare = Callable[..., Runtime]


@pytest.fixture
def sink() -> Iterator[Sink]:
    with closing(Sink()) as one:
        yield one


@pytest.fixture
def prepare(open_runtime: Prepare, sink: Sink) -> Prepare:
    """Open a runtime whose account `acme` is told at the sink."""

    def make(**changes: Any) -> Runtime:
        usual = {"egress_allow": (sink.authority,), "callback_first_s": 0.01, "callback_for_s": 0.2}
        runtime = open_runtime(**{**usual, **changes})
        settle(runtime, acme=sink.url())
        return runtime

    return make


def replay(runtime: Runtime, *, rate: float = 1000.0, **which: Any) -> Replayed:
    async def ask() -> Replayed:
        client = open_async(runtime.settings.redis_url, runtime.settings)
        with ThreadPoolExecutor(1) as threads:
            one = Replay(AsyncSql(runtime.database, threads), Clock(client))
            done = await one.again(Untold(**which), rate=rate)
        await client.aclose()
        return done

    return asyncio.run(ask())


def page(runtime: Runtime, *, after: str | None = None, limit: int = 50, **which: Any) -> Any:
    async def ask() -> tuple[list[UntoldCallback], str | None]:
        client = open_async(runtime.settings.redis_url, runtime.settings)
        with ThreadPoolExecutor(1) as threads:
            one = Replay(AsyncSql(runtime.database, threads), Clock(client))
            found = await one.page(Untold(**which), after=after, limit=limit)
        await client.aclose()
        return found

    return asyncio.run(ask())


def owed(runtime: Runtime, count: int, *, account: str = "acme", url: str, **changes: Any) -> list[str]:
    """Owe callbacks of messages that are not looked at, and return their ids."""
    now = datetime.now(UTC)
    usual = {"status": Status.SUBMITTED, "at": now, "due_at": 0, "ends_at": 2**60}
    items = [
        Owing(message_id=new_id(), account=account, url=url, **{**usual, **changes}) for _ in range(count)
    ]
    runtime.database.write(lambda sql: callbacks.owe(sql, items))
    return [callbacks.id_of(item.message_id, item.status) for item in items]


def end(runtime: Runtime, ids: list[str], state: CallbackState) -> None:
    runtime.database.write(lambda sql: callbacks.settle(sql, [Tried(id=one, state=state) for one in ids]))


def test_what_was_given_up_is_told_after_all_under_its_old_id(prepare: Prepare, sink: Sink) -> None:
    runtime = prepare()
    sink.answer = lambda path, before: Reply(status=500)
    arrived = arrival(runtime)
    submitted(runtime)
    until(runtime, all_are(runtime, "given_up"))
    assert status_of(runtime, arrived) is Status.UNFORWARDED
    tried = {one.id for one in sink.told}

    sink.answer = lambda path, before: Reply()
    assert replay(runtime).count == 2
    until(runtime, all_are(runtime, "told"))

    assert {one.id for one in sink.good()} == tried
    assert status_of(runtime, arrived) is Status.FORWARDED
    assert replay(runtime).count == 0


def test_all_that_is_held_for_a_url_is_told_once_the_operator_says_so(prepare: Prepare, sink: Sink) -> None:
    runtime = prepare(callback_for_s=60)
    sink.answer = lambda path, before: Reply(status=410)
    for _ in range(5):
        submitted(runtime)
        until(runtime, all_are(runtime, "held"))

    sink.answer = lambda path, before: Reply()
    assert replay(runtime, rate=50).count == 5
    until(runtime, all_are(runtime, "told"))

    assert len({one.id for one in sink.good()}) == 5


def test_a_replay_is_spread_over_time_in_the_order_of_the_messages(prepare: Prepare, sink: Sink) -> None:
    runtime = prepare()
    ids = owed(runtime, 40, url=sink.url())
    end(runtime, ids, CallbackState.GIVEN_UP)
    before_ms = runtime.ready.now_ms()

    done = replay(runtime, rate=4)

    due = [row.due_at for row in rows(runtime)]
    assert [row.id for row in rows(runtime)] == sorted(ids)
    assert due == [due[0] + 250 * n for n in range(40)]
    assert before_ms <= due[0] <= runtime.ready.now_ms()
    assert round(done.until.timestamp() * 1000) == due[-1]
    assert {(row.state, row.attempts, row.ends_at) for row in rows(runtime)} == {("owed", 0, None)}


def test_many_are_owed_again_batch_by_batch_and_none_is_due_before_the_last_batch(
    prepare: Prepare, sink: Sink
) -> None:
    runtime = prepare()
    ids = owed(runtime, 2 * BATCH + 7, url=sink.url("/gone"))
    end(runtime, ids[: BATCH + 3], CallbackState.HELD)
    end(runtime, ids[BATCH + 3 :], CallbackState.GIVEN_UP)
    before_ms = runtime.ready.now_ms()

    done = replay(runtime, rate=1000)

    assert (done.count, done.whole) == (2 * BATCH + 7, True)
    due = [row.due_at for row in rows(runtime)]
    assert [row.id for row in rows(runtime)] == sorted(ids)
    assert due == [due[0] + n for n in range(2 * BATCH + 7)]
    assert due[0] >= before_ms + 3 * BATCH_MS
    assert round(done.until.timestamp() * 1000) == due[-1]


def test_where_sql_goes_away_between_two_batches_it_is_said_how_far_it_came(
    prepare: Prepare, sink: Sink
) -> None:
    runtime = prepare()
    ids = owed(runtime, BATCH + 1, url=sink.url())
    end(runtime, ids, CallbackState.GIVEN_UP)
    broken = (
        f"CREATE TRIGGER broken BEFORE UPDATE ON callbacks WHEN old.id = '{max(ids)}' "
        "BEGIN SELECT RAISE(ABORT, 'database is locked'); END"
    )
    runtime.database.write(lambda sql: sql.exec_driver_sql(broken))
    try:
        done = replay(runtime)
    finally:
        runtime.database.write(lambda sql: sql.exec_driver_sql("DROP TRIGGER broken"))
    assert (done.count, done.whole) == (BATCH, False)
    assert [row.state for row in rows(runtime)].count("owed") == BATCH
    assert replay(runtime).count == 1


@pytest.mark.parametrize(
    ("which", "expected"),
    [
        ({}, {"old", "held", "globex", "given up"}),
        ({"account": "acme"}, {"old", "held", "given up"}),
        ({"states": (CallbackState.HELD,)}, {"held"}),
        ({"since": datetime.now(UTC) - timedelta(hours=1)}, {"held", "globex", "given up"}),
        ({"until": datetime.now(UTC) - timedelta(hours=1)}, {"old"}),
        ({"account": "nobody"}, set()),
        ({"endpoint": "globex {place}"}, {"globex"}),
        ({"endpoint": "globex {place}", "states": (CallbackState.HELD,)}, set()),
        ({"endpoint": "acme"}, set()),
    ],
    ids=["all", "account", "state", "since", "until", "nobody", "endpoint", "both", "no endpoint"],
)
def test_only_what_is_asked_for_is_listed_and_told_again(
    prepare: Prepare, sink: Sink, which: dict[str, Any], expected: set[str]
) -> None:
    runtime = prepare()
    which = {
        name: value.format(place=sink.authority) if name == "endpoint" else value
        for name, value in which.items()
    }
    names = {
        "old": owed(runtime, 2, url=sink.url("/secret?token=x"), at=datetime.now(UTC) - timedelta(days=2)),
        "held": owed(runtime, 2, url=sink.url("/held")),
        "globex": owed(runtime, 2, url=sink.url(), account="globex"),
        "given up": owed(runtime, 2, url=sink.url()),
        "told": owed(runtime, 2, url=sink.url()),
        "owed": owed(runtime, 2, url=sink.url()),
    }
    for name in ("old", "globex", "given up"):
        end(runtime, names[name], CallbackState.GIVEN_UP)
    end(runtime, names["held"], CallbackState.HELD)
    end(runtime, names["told"], CallbackState.TOLD)
    wanted = sorted(one for name in expected for one in names[name])

    found, after = [], None
    while True:
        some, after = page(runtime, after=after, limit=3, **which)
        found += some
        if after is None:
            break
    assert [one.id for one in found] == wanted
    assert replay(runtime, **which).count == len(wanted)
    assert {row.id for row in rows(runtime) if row.state == "owed"} == {*wanted, *names["owed"]}


def test_old_callbacks_are_forgotten_but_none_that_somebody_still_waits_for(
    prepare: Prepare, sink: Sink
) -> None:
    runtime = prepare()
    long_ago = runtime.ready.now_ms() - round(runtime.settings.callback_keep_s * 1000) - 60_000
    now = datetime.now(UTC)
    young = owed(runtime, 3, url=sink.url())
    end(runtime, young, CallbackState.TOLD)
    states = [*CallbackState] * 400
    items = [
        Owing(
            message_id=new_id(long_ago + n),
            account="acme",
            url=sink.url(),
            status=Status.SUBMITTED,
            at=now,
            due_at=2**60,
            ends_at=2**60,
        )
        for n in range(len(states))
    ]
    runtime.database.write(lambda sql: callbacks.owe(sql, items))
    for state in (CallbackState.HELD, CallbackState.TOLD, CallbackState.GIVEN_UP):
        ids = [
            callbacks.id_of(item.message_id, item.status)
            for item, wanted in zip(items, states, strict=True)
            if wanted is state
        ]
        end(runtime, ids, state)

    forgetting.forget_callbacks(runtime)

    left = [row.state for row in rows(runtime)]
    assert {state: left.count(state) for state in set(left)} == {"owed": 400, "held": 400, "told": 3}


def test_how_callbacks_stand_is_counted_for_metrics(prepare: Prepare, sink: Sink) -> None:
    runtime = prepare(callback_for_s=60)
    sink.answer = lambda path, before: Reply(status=200 if before < 2 else 503)
    submitted(runtime)
    submitted(runtime)
    until(runtime, all_are(runtime, "told"))
    hour_ago = datetime.now(UTC) - timedelta(hours=1)
    owed(runtime, 3, url=sink.url(), due_at=2**60, at=hour_ago)
    end(runtime, owed(runtime, 4, url=sink.url("/held")), CallbackState.HELD)
    end(runtime, owed(runtime, 5, url=sink.url()), CallbackState.GIVEN_UP)
    endpoint = callbacks.endpoint_of("acme", sink.url())
    for _ in range(5):
        runtime.circuits.failed(endpoint, probe=False)

    figures.count(runtime)

    async def told() -> dict[str, int]:
        client = open_async(runtime.settings.redis_url, runtime.settings)
        found = await client.hgetall("figures:callbacks")
        life_ms = await client.pttl("figures:callbacks")
        await client.aclose()
        assert 0 < life_ms <= 24 * 3600 * 1000
        return {name.decode(): int(number) for name, number in found.items()}

    counts = asyncio.run(told())
    assert counts["oldest_ms"] == pytest.approx(hour_ago.timestamp() * 1000, abs=1)
    assert {name: counts[name] for name in ("told", "owed", "held", "kept", "circuits_open")} == {
        "told": 2,
        "owed": 3,
        "held": 4,
        "kept": 5,
        "circuits_open": 1,
    }


def test_many_dead_hosts_delay_nobody(open_runtime: Prepare) -> None:
    hang = threading.Event()
    with ExitStack() as opened:
        well = [opened.enter_context(closing(Sink())) for _ in range(4)]
        silent = [opened.enter_context(closing(Sink(lambda *_: Reply(wait=hang)))) for _ in range(12)]
        ill = [opened.enter_context(closing(Sink(lambda *_: Reply(status=503)))) for _ in range(6)]
        nobody = []
        for _ in range(6):
            taken = opened.enter_context(closing(socket.socket()))
            taken.bind(("127.0.0.1", 0))  # nobody listens
            nobody.append(f"127.0.0.1:{taken.getsockname()[1]}")
        urls = {f"well{n}": one.url() for n, one in enumerate(well)}
        urls |= {f"silent{n}": one.url() for n, one in enumerate(silent)}
        urls |= {f"ill{n}": one.url() for n, one in enumerate(ill)}
        urls |= {f"nobody{n}": f"http://{one}/told" for n, one in enumerate(nobody)}
        allowed = [*(one.authority for one in (*well, *silent, *ill)), *nobody]
        runtime = open_runtime(
            egress_allow=tuple(allowed), callback_timeout_s=30, callback_first_s=0.05, callback_window=8
        )
        settle(runtime, **urls)
        for name in urls:
            for _ in range(30 if name.startswith("well") else 12):
                submitted(runtime, account=name)

        def all_well() -> bool:
            return all(len({told.id for told in one.good()}) == 30 for one in well)

        until(runtime, all_well)

        # None of the silent ones has answered by now: nobody waited for them.
        assert not any(one.good() for one in ill)
        left = {row.account for row in rows(runtime) if row.state != "told"}
        assert left == {name for name in urls if not name.startswith("well")}
        assert all(len(one.told) <= runtime.settings.callback_window for one in silent)
        hang.set()


def test_an_answer_that_never_ends_is_cut_off(prepare: Prepare, sink: Sink) -> None:
    with closing(_Endless()) as endless:
        runtime = prepare(callback_for_s=60, egress_allow=(endless.authority,), callback_timeout_s=60)
        settle(runtime, acme=f"http://{endless.authority}/")
        submitted(runtime)
        until(runtime, all_are(runtime, "told"))
        endless.closed.wait(30)
        assert endless.closed.is_set(), "we hang up"
        assert endless.sent < 64 * 1024 * 1024


class _Endless:
    """A server whose answer never ends."""

    def __init__(self) -> None:
        self.sent = 0
        self.closed = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.authority = f"127.0.0.1:{self._listener.getsockname()[1]}"
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        peer, _ = self._listener.accept()
        with closing(peer):
            peer.recv(65536)
            try:
                peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n")
                while self.sent < 64 * 1024 * 1024:
                    self.sent += peer.send(b"x" * 65536)
            except OSError:
                pass
        self.closed.set()

    def close(self) -> None:
        """Stop serving."""
        self._listener.close()
