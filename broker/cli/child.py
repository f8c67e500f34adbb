"""One child process that does not outlive us."""

import ctypes
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from multiprocessing.context import ForkProcess
from pathlib import Path

from broker.cli import forked

_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None
_TAIL = 4096
_MOST_SAID = 65536
MOST_LOGGED = 64 * 1024 * 1024
"""The bytes from which on a log is moved aside; there are two files of a program at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """What to run. `name` is also its log file's; the lowest `rank` is ended first.

    `argv` is its command line; where there is an `entry`, a `module:function` of ours, only that one's arguments.
    It does its work once `ready` says so and its log holds `ready_word`; without either, as soon as it runs.
    """

    role: str
    name: str
    argv: tuple[str, ...] = ()
    entry: str = ""
    env: Mapping[str, str] = field(default_factory=dict, repr=False)
    rank: int = 0
    ready: Callable[[], bool] | None = None
    ready_word: str = ""


def leash(parent: int) -> Callable[[], None]:
    """Return what the child does before it becomes the program: ask the kernel to be killed when we die."""
    prctl = getattr(_LIBC, "prctl", None)

    def tie() -> None:
        if prctl is not None:
            prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # we died in between, and nobody would tell
            os._exit(1)

    return tie


class Child:
    """A program that is or was running, and what it said."""

    def __init__(self, program: Program, *, logs: Path) -> None:
        self.program = program
        self.log = logs / f"{program.name}.log"
        self.started_at = 0.0
        self._from = 0
        self._process: subprocess.Popen[bytes] | ForkProcess | None = None

    @property
    def pid(self) -> int | None:
        """The process's id, also after its end; None before its first start."""
        return None if self._process is None else self._process.pid

    def start(self) -> None:
        """Start the program, in a process group of its own: a terminal's Ctrl-C is for us alone."""
        program, tie = self.program, leash(os.getpid())
        with self.log.open("ab") as log:
            self._from = log.tell()
            if program.entry:
                env = dict(program.env) or dict(os.environ)
                self._process = forked.start(program.entry, program.argv, env=env, log=log, tie=tie)
            else:
                self._process = subprocess.Popen(  # noqa: S603  # our own command lines
                    program.argv,
                    env=dict(program.env) or None,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    process_group=0,
                    preexec_fn=tie,  # noqa: PLW1509  # we have one thread
                )
        self.started_at = time.monotonic()

    def poll(self) -> int | None:
        """Return the exit code, or None while it runs or never did."""
        if isinstance(self._process, ForkProcess):
            return self._process.exitcode
        return None if self._process is None else self._process.poll()

    @property
    def running(self) -> bool:
        """Say whether the process is there."""
        return self._process is not None and self.poll() is None

    def signal(self, number: signal.Signals) -> None:
        """Send a signal, or do nothing where there is nobody to hear it; a kill takes its own children along."""
        if self.pid is None or not self.running:
            return
        if number is signal.SIGKILL:
            os.killpg(self.pid, number)
        else:
            os.kill(self.pid, number)

    def is_ready(self) -> bool:
        """Say whether the program does its work."""
        program = self.program
        if program.ready_word and program.ready_word not in self._said(from_end=False):
            return False
        return program.ready is None or program.ready()

    def last_words(self) -> str:
        """Return the end of what this run of the program has printed."""
        return self._said(from_end=True).strip()

    def trim(self) -> None:
        """Move a log that has grown large to its second file, in place of what that held.

        The program goes on writing to the same file; a line that it writes at this very moment may be lost.
        """
        if self.running and self.log.stat().st_size > MOST_LOGGED:
            shutil.copyfile(self.log, self.log.with_suffix(".log.1"))
            os.truncate(self.log, 0)
            self._from = 0

    def _said(self, *, from_end: bool) -> str:
        """Return the first or the last of what this run of the program has printed."""
        with self.log.open("rb") as log:
            end = log.seek(0, os.SEEK_END)
            log.seek(max(self._from, end - _TAIL) if from_end else self._from)
            return log.read(_MOST_SAID).decode(errors="replace")
