"""Fixtures that several kinds of tests share."""

import itertools
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from broker.settings import Settings
from tests.redis_server import RedisServer

SECRET_KEY = "a test key of thirty-two characters or more"
MEMORY, ROOMY = Path("/dev/shm"), 8 << 30  # a file system, not a name that others could guess
"""Where a file is written without a disk, and how many bytes must be free there."""


def pytest_configure() -> None:
    """Keep what is written in memory, if there is room: processes are killed here, never machines, and disks stall."""
    if "TMPDIR" not in os.environ and MEMORY.is_dir() and shutil.disk_usage(MEMORY).free >= ROOMY:
        os.environ["TMPDIR"] = tempfile.tempdir = str(MEMORY)


_databases = itertools.cycle(range(15))
"""Number 15 is left to modules whose tests share one database."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add `--repeat`: run what depends on processes and timing more often than once."""
    parser.addoption("--repeat", type=int, default=1, help="how often to run tests marked flaky_prone")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Make a test of each repetition."""
    times = metafunc.config.getoption("--repeat")
    if times > 1 and metafunc.definition.get_closest_marker("flaky_prone"):
        metafunc.fixturenames.append("repetition")
        metafunc.parametrize("repetition", range(1, times + 1))


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """The session's own Valkey; tests that freeze or kill a server start one with `own_redis`."""
    server = RedisServer(tmp_path_factory.mktemp("valkey")).start()
    yield server
    server.kill()


@pytest.fixture
def redis_url(redis_server: RedisServer) -> str:
    """The URL of an empty database on the session's Valkey; the next test gets another number."""
    database = next(_databases)
    with redis_server.client(database) as client:
        client.flushdb()
    return f"{redis_server.url}/{database}"


@pytest.fixture
def own_redis(tmp_path: Path) -> Iterator[Callable[..., RedisServer]]:
    """Start private servers, `own_redis("--maxmemory", "8mb")`, which end with the test."""
    started: list[RedisServer] = []

    def start(*options: str, appendonly: bool = True) -> RedisServer:
        server = RedisServer(tmp_path / f"valkey-{len(started)}", *options, appendonly=appendonly)
        started.append(server)
        return server.start()

    yield start
    for server in started:
        server.kill()


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    """An empty data folder."""
    folder = tmp_path / "data"
    folder.mkdir()
    return folder


@pytest.fixture
def make_settings(data_dir: Path, redis_url: str) -> Callable[..., Settings]:
    """Make settings for this test's folder and Redis, with changes by name."""

    def make(**changes: Any) -> Settings:
        values = {"data_dir": data_dir, "redis_url": redis_url, "secret_key": SECRET_KEY, "port": 0}
        return Settings(**{**values, **changes})

    return make


@pytest.fixture
def settings(make_settings: Callable[..., Settings]) -> Settings:
    """Settings for this test's folder and Redis, and defaults otherwise."""
    return make_settings()
