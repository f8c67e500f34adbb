"""Redis full, SQL stopped, locked or slow, and disks full."""

import asyncio
import contextlib
import fcntl
import os
import resource
import signal
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping

from broker.cli.chaos.fault import Fault, fault
from broker.cli.chaos.ground import Ground
from broker.cli.chaos.servers import Postgres
from broker.keyspace.client import open_sync
from broker.settings import Settings

_HELD_S, _FREE_S = 0.8, 0.1
"""A slow database: how long each write waits, and how long there is for it."""
_LOCKS_AT, _LOCKS = 120, 8
"""Where the locks of SQLite's write-ahead log lie in its shared memory (sqlite.org/walformat.html, 2.3)."""
_FULL_AT = 4096
"""Size beyond which no file can grow while the disk is full."""
_TORN_AFTER = 700
"""Bytes that Redis still gets to its file before the disk is full, so that its last entry is torn."""


@fault(hold_s=6)
async def _redis_full(ground: Ground) -> AsyncIterator[None]:
    with open_sync(f"redis://127.0.0.1:{ground.redis.port}/0", Settings()) as client:
        before = client.config_get("maxmemory")["maxmemory"]
        client.config_set("maxmemory", max(1, client.info("memory")["used_memory"] - 65536))
        yield
        client.config_set("maxmemory", before)


@fault(hold_s=1)
async def _redis_disk_full(ground: Ground) -> AsyncIterator[None]:
    files = [each.stat().st_size for each in ground.redis.files.glob("*.incr.aof")]
    limit = max(files) + _TORN_AFTER
    resource.prlimit(ground.redis.pid, resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
    yield  # it ends at its next writes; the one that takes its place has room again


@fault(hold_s=6)
async def _disk_full(ground: Ground) -> AsyncIterator[None]:
    pids = [pid for role in ("ingress", "worker", "scheduler") for pid in ground.pids(role)]
    _limit(pids, _FULL_AT)
    yield
    _limit(pids, resource.RLIM_INFINITY)


def _limit(pids: list[int], size: int) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))


@fault(hold_s=7)
async def _sqlite_locked(ground: Ground) -> AsyncIterator[None]:
    connection = sqlite3.connect(ground.database, timeout=10, isolation_level=None)
    try:
        connection.execute("BEGIN IMMEDIATE")
        yield
        connection.execute("ROLLBACK")
    finally:
        connection.close()


@fault(hold_s=6)
async def _sqlite_stopped(ground: Ground) -> AsyncIterator[None]:
    """Hold every lock of the log: nobody reads, nobody writes."""
    file = os.open(f"{ground.database}-shm", os.O_RDWR | os.O_CLOEXEC)
    try:
        for each in range(_LOCKS_AT, _LOCKS_AT + _LOCKS):
            await _locked(file, each)
        yield
    finally:
        os.close(file)


async def _locked(file: int, at: int) -> None:
    while True:
        try:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, at)
        except OSError:
            await asyncio.sleep(0.001)
        else:
            return


@fault(hold_s=10)
async def _sqlite_slow(ground: Ground) -> AsyncIterator[None]:
    connection = sqlite3.connect(ground.database, timeout=1, isolation_level=None)

    async def hold() -> None:
        with contextlib.suppress(sqlite3.OperationalError):
            connection.execute("BEGIN IMMEDIATE")
            await asyncio.sleep(_HELD_S)
            connection.execute("ROLLBACK")

    async with _again_and_again(hold):
        yield
    connection.close()


@contextlib.asynccontextmanager
async def _again_and_again(hold: Callable[[], Awaitable[None]]) -> AsyncIterator[None]:
    over = asyncio.Event()

    async def run() -> None:
        while not over.is_set():
            await hold()
            await asyncio.sleep(_FREE_S)

    task = asyncio.create_task(run())
    try:
        yield
    finally:
        over.set()
        await task


def _postgres(ground: Ground) -> Postgres:
    assert ground.postgres is not None
    return ground.postgres


@fault(hold_s=5)
async def _postgres_stopped(ground: Ground) -> AsyncIterator[None]:
    _postgres(ground).signal(signal.SIGINT)
    yield
    _postgres(ground).start()


@fault(hold_s=1)
async def _postgres_killed(ground: Ground) -> AsyncIterator[None]:
    _postgres(ground).signal(signal.SIGKILL, all_=True)
    yield
    _postgres(ground).start()


@fault(hold_s=7)
async def _postgres_frozen(ground: Ground) -> AsyncIterator[None]:
    _postgres(ground).signal(signal.SIGSTOP, all_=True)
    yield
    _postgres(ground).signal(signal.SIGCONT, all_=True)


@fault(hold_s=7)
async def _postgres_locked(ground: Ground) -> AsyncIterator[None]:
    async with _table_lock(ground):
        yield


@fault(hold_s=10)
async def _postgres_slow(ground: Ground) -> AsyncIterator[None]:
    async def hold() -> None:
        async with _table_lock(ground):
            await asyncio.sleep(_HELD_S)

    async with _again_and_again(hold):
        yield


@contextlib.asynccontextmanager
async def _table_lock(ground: Ground) -> AsyncIterator[None]:
    import psycopg

    async with (
        await psycopg.AsyncConnection.connect(_postgres(ground).url) as connection,
        connection.transaction(),
    ):
        await connection.execute("LOCK TABLE messages IN ACCESS EXCLUSIVE MODE")
        yield


STORES: Mapping[str, Fault] = {
    "redis-full": _redis_full,
    "redis-disk-full": _redis_disk_full,
    "disk-full": _disk_full,
}
SQLITE: Mapping[str, Fault] = {
    "sql-locked": _sqlite_locked,
    "sql-slow": _sqlite_slow,
    "sql-stopped": _sqlite_stopped,
}
POSTGRESQL: Mapping[str, Fault] = {
    "sql-locked": _postgres_locked,
    "sql-slow": _postgres_slow,
    "sql-stopped": _postgres_stopped,
    "sql-killed": _postgres_killed,
    "sql-frozen": _postgres_frozen,
}
