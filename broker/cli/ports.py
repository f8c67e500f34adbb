"""Ports of this machine that are ours for as long as we run."""

import errno
import fcntl
import os
import socket
import tempfile
from collections.abc import Callable
from pathlib import Path

from broker.errors import ConfigurationError

_TRIES = 100


class Ports:
    """Takes ports and holds them: nobody else gets one while a child of ours restarts."""

    def __init__(self, *, say: Callable[[str], None]) -> None:
        self._say = say
        self._held: list[socket.socket] = []
        self._locks: list[int] = []

    def take(self, wanted: int, *, host: str, what: str) -> int:
        """Return `wanted` or the next free port above it, and say so; 0 asks the system for any.

        Raises:
            ConfigurationError: no port is free, or the address is not ours to listen on.
        """
        if wanted == 0:
            wanted = _any_port(host)
        for port in range(wanted, min(wanted + _TRIES, 65536)):
            if self._hold(host, port):
                if port != wanted:
                    self._say(f"port {wanted} is in use, {what} takes {port}")
                return port
        raise ConfigurationError(f"no free port for {what} from {wanted} upward")

    def release(self) -> None:
        """Give all ports back."""
        while self._held:
            self._held.pop().close()
        while self._locks:
            os.close(self._locks.pop())

    def _hold(self, host: str, port: int) -> bool:
        """Hold a port by a lock that other stacks see and a bound socket that the kernel sees.

        A child can still listen on it: both sockets allow reuse, and ours does not listen.
        """
        lock = _lock(port)
        if lock is None:
            return False
        with socket.socket(_family(host)) as probe:
            if not _bind(probe, host, port, listen=True):
                os.close(lock)
                return False
        self._locks.append(lock)
        held = socket.socket(_family(host))
        self._held.append(held)
        return _bind(held, host, port, listen=False)


def _bind(sock: socket.socket, host: str, port: int, *, listen: bool) -> bool:
    """Bind, and say whether nobody else had done so."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind((host, port))
        if listen:
            sock.listen(1)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            return False
        raise ConfigurationError(f"cannot listen on {host}:{port}: {error.strerror}") from None
    return True


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET


def _any_port(host: str) -> int:
    with socket.socket(_family(host)) as probe:
        _bind(probe, host, 0, listen=False)
        port: int = probe.getsockname()[1]
        return port


def _lock(port: int) -> int | None:
    """Return an open lock file for a port, or None where another stack of this user holds it."""
    path = Path(tempfile.gettempdir()) / f"ringpost-{os.getuid()}-{port}.lock"
    lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        return None
    return lock
