"""Keeps the processes of one stack running, each with its log, until it is told to end."""

import signal
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from broker.cli.child import Child, Program
from broker.cli.signals import Signals

FIRST_WAIT_S = 0.2
LONGEST_WAIT_S = 5.0
STEADY_S = 10.0
"""A process that ran for so long did start; its next restart is quick again."""
GIVE_UP_AFTER = 3
"""Ends of one process before the stack was ready: it will not get better."""
MISCONFIGURED = 2
"""The exit code with which our processes refuse their settings."""
END_WITHIN_S = (24.0, 3.0, 2.0)
"""Time for the processes of each rank to end by themselves; together below 30 s."""

_STARTING_TICK_S = 0.05
_TICK_S = 1.0


class StartFailed(Exception):
    """A process will not start; the text is for a person."""


class Stopped(Exception):
    """We were told to end."""


class Kept:
    """A child with the story of its restarts."""

    def __init__(self, child: Child) -> None:
        self.child = child
        self.failures = 0
        self.due_at: float | None = None

    def bury(self, now: float) -> float:
        """Note an end and return the wait before the next start, in seconds."""
        if now - self.child.started_at > STEADY_S:
            self.failures = 0
        wait: float = min(LONGEST_WAIT_S, FIRST_WAIT_S * 2**self.failures)
        self.failures += 1
        self.due_at = now + wait
        return wait


class Supervisor:
    """Starts programs, starts again what ends, and ends all in the order of their ranks."""

    def __init__(
        self,
        *,
        logs: Path,
        signals: Signals,
        say: Callable[[str], None],
        restarted: Callable[["Supervisor"], None],
    ) -> None:
        self._logs = logs
        self._signals = signals
        self._say = say
        self._restarted = restarted
        self._kept: list[Kept] = []
        self._starting = True

    def start(self, *programs: Program) -> None:
        """Start programs and keep them running from now on."""
        for program in programs:
            kept = Kept(Child(program, logs=self._logs))
            self._kept.append(kept)
            kept.child.start()

    def once(self, program: Program, *, within_s: float) -> None:
        """Run a program to its end.

        Raises:
            StartFailed: it ended badly, or did not end in time.
        """
        child = Child(program, logs=self._logs)
        child.start()
        try:
            self._until(lambda: not child.running, within_s=within_s, what=program.name)
            if child.poll() != 0:
                raise StartFailed(f"{program.name} failed\n{child.last_words()}")
        finally:
            child.signal(signal.SIGKILL)

    def await_ready(self, *, within_s: float) -> None:
        """Wait until every program does its work.

        Raises:
            StartFailed: one keeps ending, or took too long.
            Stopped: we were told to end.
        """
        for kept in self._kept:
            self._until(kept.child.is_ready, within_s=within_s, what=kept.child.program.name)

    def run(self) -> None:
        """Keep everything running until a signal says to end."""
        self._starting = False
        while not self._signals.ends:
            self._mend()
            for kept in self._kept:
                kept.child.trim()
            due = [kept.due_at for kept in self._kept if kept.due_at is not None]
            self._signals.wait(min([_TICK_S, *(at - time.monotonic() for at in due)]))

    def processes(self) -> dict[str, list[int]]:
        """Return the process ids of each role."""
        roles: dict[str, list[int]] = {}
        for kept in self._kept:
            if kept.child.pid is not None:
                roles.setdefault(kept.child.program.role, []).append(kept.child.pid)
        return roles

    def stop(self) -> None:
        """End all: politely, by rank, then by force; a second request to end is force at once."""
        asked = self._signals.ends
        for rank, within_s in enumerate(END_WITHIN_S):
            children = [kept.child for kept in self._kept if kept.child.program.rank == rank]
            for child in children:
                child.signal(signal.SIGTERM)
            deadline = time.monotonic() + within_s
            while (
                self._alive(children) and time.monotonic() < deadline and self._signals.ends <= max(asked, 1)
            ):
                self._signals.wait(min(0.5, deadline - time.monotonic()))
            for child in self._alive(children):
                self._say(f"{child.program.name} did not end by itself")
                child.signal(signal.SIGKILL)

    @staticmethod
    def _alive(children: Sequence[Child]) -> list[Child]:
        return [child for child in children if child.running]

    def _until(self, condition: Callable[[], bool], *, within_s: float, what: str) -> None:
        deadline = time.monotonic() + within_s
        while not condition():
            if self._signals.ends:
                raise Stopped
            if time.monotonic() > deadline:
                raise StartFailed(f"{what} was not ready after {within_s:.0f} s")
            self._mend()
            self._signals.wait(_STARTING_TICK_S)

    def _mend(self) -> None:
        """Start again what has ended, when its wait is over."""
        now = time.monotonic()
        for kept in self._kept:
            if kept.due_at is None and not kept.child.running:
                self._lost(kept, now)
            elif kept.due_at is not None and kept.due_at <= now:
                kept.due_at = None
                try:
                    kept.child.start()
                except OSError as error:  # out of processes or memory: it counts as one more end
                    self._say(f"{kept.child.program.name} cannot be started: {error.strerror}")
                    continue
                if not self._starting:
                    self._restarted(self)

    def _lost(self, kept: Kept, now: float) -> None:
        name = kept.child.program.name
        wait_s = kept.bury(now)
        if self._starting and (kept.failures >= GIVE_UP_AFTER or kept.child.poll() == MISCONFIGURED):
            raise StartFailed(f"{name} does not start\n{kept.child.last_words()}")
        self._say(f"{name} ended ({_how(kept.child.poll())}), starting it again in {wait_s:.1f} s")


def _how(code: int | None) -> str:
    """Put an exit code into words."""
    if code is not None and code < 0:
        return (signal.strsignal(-code) or f"signal {-code}").lower()
    return f"exit code {code}"
