"""Run entry points of ours in copies of this process, which has loaded already what they need.

Starting Python and loading our libraries takes a second or two of a processor, which a copy need not: what died is back
before its callers have given up.
"""

import atexit
import gc
import importlib
import multiprocessing
import os
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from multiprocessing.context import ForkProcess
from typing import BinaryIO

from broker.cli.signals import ENDING

_NEEDED = (
    "broker.__main__",
    "broker.storage.schema",
    "celery.apps.worker",
    "celery.concurrency.thread",
    "kombu.transport.redis",
    "workers.runtime",
    "workers.scheduler",
)
"""What our processes load, but for `workers.app`, which reads its settings as it is loaded."""

_fork = multiprocessing.get_context("fork")


def load() -> None:
    """Load what the copies will need, once."""
    for name in _NEEDED:
        importlib.import_module(name)
    gc.freeze()  # so that the copies' collections leave the shared pages alone


def start(
    entry: str, arguments: Sequence[str], *, env: Mapping[str, str], log: BinaryIO, tie: Callable[[], None]
) -> ForkProcess:
    """Run an entry point, `module:function`, with the command line and the environment of a process of its own.

    It leads a process group, prints to `log`, and calls `tie` first.
    """
    process = _fork.Process(target=_become, args=(entry, arguments, env, log, tie), name=entry)
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ENDING)  # the copy's come once they mean the copy
    try:
        process.start()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    return process


def _become(
    entry: str, arguments: Sequence[str], env: Mapping[str, str], log: BinaryIO, tie: Callable[[], None]
) -> None:
    os.setpgid(0, 0)
    tie()
    _detach(log)
    os.environ.clear()
    os.environ.update(env)
    module, _, function = entry.partition(":")
    sys.argv = [module, *arguments]
    _hear()
    try:
        sys.exit(getattr(importlib.import_module(module), function)())
    finally:
        atexit._run_exitfuncs()  # which a copy otherwise leaves out


def _detach(log: BinaryIO) -> None:
    """Keep nothing of what the first process has open, and say everything to the log, line by line."""
    nothing = os.open(os.devnull, os.O_RDONLY)
    for ours, theirs in ((nothing, 0), (log.fileno(), 1), (log.fileno(), 2)):
        os.dup2(ours, theirs)
    os.closerange(3, os.sysconf("SC_OPEN_MAX"))
    for name, number in (("stdin", 0), ("stdout", 1), ("stderr", 2)):
        stream = open(number, "w" if number else "r", buffering=1, encoding="utf-8", closefd=False)  # noqa: SIM115
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)


def _hear() -> None:
    """Take signals as a process does that has just begun."""
    signal.set_wakeup_fd(-1)
    for number in (*ENDING, signal.SIGCHLD):
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, ENDING)
