"""Entry points that a supervisor under test runs in copies of itself."""

# ruff: noqa: T201  (what they print is what the tests read)

import atexit
import json
import os
import signal
import sys
import time
from pathlib import Path


def tell() -> int:
    """Print what kind of process this is, and then stay."""
    atexit.register(print, "the end")
    held = [(int(file.name), file) for file in Path("/proc/self/fd").iterdir()]
    print(
        json.dumps(
            {
                "argv": sys.argv,
                "env": dict(os.environ),
                "open": [number for number, file in held if number > 2 and file.exists()],
                "leads": os.getpgrp() == os.getpid(),
                "term": signal.getsignal(signal.SIGTERM) == signal.SIG_DFL,
                "wakes": signal.set_wakeup_fd(-1),
                "blocked": len(signal.pthread_sigmask(signal.SIG_BLOCK, ())),
                "stdin": sys.stdin.read(),
            }
        )
    )
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    print("waiting", file=sys.stderr)
    while True:
        time.sleep(0.05)


def fail() -> int:
    """Say why, and end with the code of a wrong setting."""
    print("no such thing")
    return 2


def stumble() -> int:
    """End with an error of our own."""
    raise ValueError("unforeseen")
