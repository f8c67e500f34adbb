"""A stack of one's own: started, waited for, and ended with the block that uses it."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from broker.cli.child import leash
from broker.cli.folder import Folder

READY_WITHIN_S = 120.0
END_WITHIN_S = 40.0


class NotReady(Exception):
    """The stack did not come up; it has said why."""


@contextmanager
def running(data: Path, *options: str, quiet: bool = False) -> Iterator[subprocess.Popen[bytes]]:
    """Run `up` on a folder for as long as the block takes; the block starts when all is ready.

    Raises:
        NotReady: it ended, or took too long.
    """
    folder = Folder(data)
    process = launch(folder, *options, output=subprocess.DEVNULL if quiet else None)
    try:
        _await(process, folder)
        yield process
    finally:
        _end(process)


def launch(
    folder: Folder, *options: str, env: Mapping[str, str] | None = None, output: int | None = None
) -> subprocess.Popen[bytes]:
    """Start `up` on a folder and return at once; it does not outlive the thread that started it."""
    folder.path.mkdir(parents=True, exist_ok=True)
    if folder.holder() is None:
        folder.endpoints.unlink(missing_ok=True)
    return subprocess.Popen(  # noqa: S603  # our own command line
        [sys.executable, "-P", "-m", "broker.cli.main", "up", "--data", str(folder.path), *options],
        env=env,
        stdout=output,
        process_group=0,
        preexec_fn=leash(os.getpid()),  # noqa: PLW1509  # it only asks the kernel to end it with us
    )


def is_ready(process: subprocess.Popen[bytes], folder: Folder) -> bool:
    """Say whether all is ready.

    Raises:
        NotReady: it has ended.
    """
    if process.poll() is not None:
        raise NotReady(f"the stack did not start (exit code {process.returncode})")
    return folder.endpoints.exists() and folder.holder() == process.pid


def _await(process: subprocess.Popen[bytes], folder: Folder) -> None:
    deadline = time.monotonic() + READY_WITHIN_S
    while not is_ready(process, folder):
        if time.monotonic() > deadline:
            raise NotReady(f"the stack was not ready after {READY_WITHIN_S:.0f} s; see {folder.logs}")
        time.sleep(0.05)


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
    try:
        process.wait(END_WITHIN_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
