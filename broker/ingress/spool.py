"""Webhooks on disk while Redis is away."""

import asyncio
import base64
import errno
import fcntl
import os
import time
import zlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor
from contextlib import suppress
from itertools import islice
from pathlib import Path

from broker.domain.ids import new_id
from broker.errors import AdmissionError
from broker.keyspace.arrivals import Arrivals
from broker.keyspace.content import Webhook, decode_webhook, encode_webhook
from broker.keyspace.gathering import Gathering
from broker.log import get_logger

log = get_logger()

SUFFIX = ".spool"
_CHUNK = 200
_MOST_TOGETHER = 200


class Spool:
    """One locked file of this process, one line for each webhook; what waits together shares one fsync.

    A line that a crash cut short was never acknowledged, so it is passed over. Any ingress replays any file that no
    living process has locked, oldest first.

    Where the disk takes only a part, what it took is cut off again: a full disk neither tears a line nor fills up with
    files.
    """

    def __init__(
        self, folder: Path, executor: Executor, *, sync: Callable[[int], None] = os.fdatasync
    ) -> None:
        self._folder = folder
        self._executor = executor
        self._sync = sync
        self._handle: int | None = None
        self._length = 0
        self._gathering: Gathering[Webhook, None] = Gathering(self._together, most=_MOST_TOGETHER)

    async def append(self, webhook: Webhook) -> None:
        """Keep a webhook on disk.

        Raises:
            OSError: the disk does not take it.
        """
        await self._gathering.join(webhook)

    def size(self) -> int:
        """Return how many bytes wait on this machine."""
        with suppress(OSError):
            return sum(path.stat().st_size for path in self._folder.glob(f"*{SUFFIX}"))
        return 0

    def waits(self) -> bool:
        """Say whether there is any file."""
        return self._folder.is_dir() and any(path.suffix == SUFFIX for path in self._folder.iterdir())

    async def replay(self, arrivals: Arrivals) -> int:
        """Hand every webhook of every free file to Redis, and return how many there were.

        Raises:
            Busy, OutcomeUncertain: Redis is away again; what is left stays for the next time.
        """
        await self._gathering.finish()
        self._let_go()
        handed = 0
        for path in sorted(self._folder.glob(f"*{SUFFIX}")):
            try:
                handed += await self._replay(path, arrivals)
            except OSError as error:  # the other files need not wait for somebody to repair this one
                log.error("spool_unreadable", file=path.name, reason=type(error).__name__)
        return handed

    async def close(self) -> None:
        """Finish what waits; the file stays for whoever comes next."""
        await self._gathering.finish()
        self._let_go()

    async def _together(self, webhooks: Sequence[Webhook], since: float) -> Sequence[None]:  # noqa: ARG002
        lines = b"".join(map(_line, webhooks))
        await asyncio.get_running_loop().run_in_executor(self._executor, self._write, lines)
        return [None] * len(webhooks)

    def _write(self, lines: bytes) -> None:
        handle = self._handle = self._open() if self._handle is None else self._handle
        try:
            written = os.write(handle, lines)
            if written < len(lines):
                raise OSError(errno.ENOSPC, "the disk took only a part")
        except OSError:
            self._cut(handle)
            raise
        try:
            self._sync(handle)
        except OSError:
            self._let_go()  # nobody knows what of it is on disk: it must not be added to
            raise
        self._length += len(lines)

    def _cut(self, handle: int) -> None:
        """Take back what was written of lines that were not taken whole."""
        try:
            os.ftruncate(handle, self._length)
        except OSError:
            self._let_go()

    def _open(self) -> int:
        self._folder.mkdir(parents=True, exist_ok=True)
        while True:
            # In the order in which they were begun, also within a millisecond; the id keeps processes apart.
            path = self._folder / f"{time.time_ns():020}-{new_id()}{SUFFIX}"
            handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            # Somebody who replays may have seen, locked and removed the file before it was locked here.
            if _lock(handle) and os.fstat(handle).st_nlink:
                _sync_folder(self._folder)
                self._length = 0
                return handle
            os.close(handle)

    def _let_go(self) -> None:
        handle, self._handle = self._handle, None
        if handle is not None:
            os.close(handle)

    async def _replay(self, path: Path, arrivals: Arrivals) -> int:
        handle = _take(path)
        if handle is None:
            return 0
        handed = 0
        with os.fdopen(handle, "rb") as file:
            while lines := list(islice(file, _CHUNK)):
                webhooks = list(_webhooks(lines))
                await arrivals.arrive_all(webhooks)
                handed += len(webhooks)
            _remove(path)
        return handed


async def replay_for_ever(spool: Spool, arrivals: Arrivals, *, every_s: float = 1.0) -> None:
    """Replay again and again, until cancelled."""
    while True:
        await asyncio.sleep(every_s)
        try:
            if spool.waits():
                await spool.replay(arrivals)
        except (AdmissionError, OSError):
            continue


def _line(webhook: Webhook) -> bytes:
    packed = base64.b64encode(encode_webhook(webhook))
    return b"%08x %b\n" % (zlib.crc32(packed), packed)


def _webhooks(lines: Sequence[bytes]) -> Iterator[Webhook]:
    for line in lines:
        checksum, _, packed = line.removesuffix(b"\n").partition(b" ")
        if packed and b"%08x" % zlib.crc32(packed) == checksum:
            yield decode_webhook(base64.b64decode(packed))


def _take(path: Path) -> int | None:
    """Lock a file that no living process has; None where one has, or where it is gone."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    if _lock(handle) and os.fstat(handle).st_nlink:
        return handle
    os.close(handle)
    return None


def _lock(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _remove(path: Path) -> None:
    path.unlink(missing_ok=True)
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
