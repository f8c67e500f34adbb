"""The data folder: who uses it, its secrets, and what it says about the running stack."""

import fcntl
import json
import os
import secrets
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from broker.errors import ConfigurationError


class Folder:
    """One data folder. Secrets in it are readable by their owner only."""

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        self._lock: int | None = None

    @property
    def logs(self) -> Path:
        """Where each process's log is."""
        return self.path / "logs"

    @property
    def endpoints(self) -> Path:
        """Where everything is reached; there only while the stack is up."""
        return self.path / "endpoints.json"

    def open(self) -> None:
        """Make the folder and take it for ourselves.

        Raises:
            ConfigurationError: another process has it.
        """
        self.path.mkdir(parents=True, exist_ok=True)
        self.logs.mkdir(exist_ok=True)
        self._lock = os.open(self.path / "up.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(self._lock, 20).decode() or "unknown"
            raise ConfigurationError(
                f"{self.path} is in use by another `up` (process {holder.strip()}); end it, or name another folder"
            ) from None
        os.ftruncate(self._lock, 0)
        os.pwrite(self._lock, f"{os.getpid()}\n".encode(), 0)
        self.endpoints.unlink(missing_ok=True)

    def holder(self) -> int | None:
        """Return the process that has the folder, or None."""
        try:
            with (self.path / "up.lock").open() as lock:
                fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
                return None
        except FileNotFoundError:
            return None
        except BlockingIOError:
            return int((self.path / "up.lock").read_text() or 0)

    def close(self) -> None:
        """Leave the folder to whoever comes next."""
        self.endpoints.unlink(missing_ok=True)
        if self._lock is not None:
            os.close(self._lock)

    def secret(self, name: str, make: Callable[[], str] = lambda: secrets.token_urlsafe(32)) -> str:
        """Return the secret kept in file `name`, made on first use."""
        path = self.path / name
        if not path.exists():
            replace(path, make() + "\n")
        return path.read_text().strip()

    def ports(self) -> dict[str, int]:
        """Return the ports that earlier starts chose."""
        return dict(self._read("ports.json"))

    def keep_ports(self, ports: Mapping[str, int]) -> None:
        """Remember ports for the next start."""
        replace(self.path / "ports.json", json.dumps(dict(ports), indent=2) + "\n")

    def publish(self, endpoints: Mapping[str, object]) -> None:
        """Say where everything is, at once or not at all."""
        replace(self.endpoints, json.dumps(endpoints, indent=2) + "\n")

    def read_endpoints(self) -> dict[str, Any]:
        """Return what the running stack said, or nothing."""
        return self._read("endpoints.json")

    def _read(self, name: str) -> dict[str, Any]:
        try:
            return dict(json.loads((self.path / name).read_text()))
        except FileNotFoundError:
            return {}


def replace(path: Path, text: str) -> None:
    """Write a file that only its owner can read, so that no reader ever sees half of it."""
    with tempfile.NamedTemporaryFile("w", dir=path.parent, prefix=f".{path.name}.", delete=False) as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    os.replace(file.name, path)  # noqa: PTH105  # the same call, and its atomicity is the point
