"""The supervisor starts again what dies, and leaves nobody behind."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from broker.cli.child import MOST_LOGGED

pytestmark = pytest.mark.flaky_prone

KEEPER = Path(__file__).with_name("keeper.py")
SLEEP = [sys.executable, "-c", "import time; time.sleep(600)"]
DEAF = [
    sys.executable,
    "-c",
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(600)",
]


class Keeper:
    """A supervisor that runs in a process of its own."""

    def __init__(self, logs: Path, programs: list[dict[str, Any]]) -> None:
        self.logs = logs
        self.process = subprocess.Popen(
            [sys.executable, str(KEEPER), str(logs), json.dumps(programs)], stdout=subprocess.PIPE, text=True
        )

    def told(self) -> dict[str, list[int]]:
        """Wait for the next list of processes."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if not line.startswith("#"):
                return dict(json.loads(line))
        raise AssertionError("the supervisor ended")

    def end(self, number: signal.Signals) -> int:
        """Send a signal and wait for the end."""
        self.process.send_signal(number)
        return self.process.wait(40)


@pytest.fixture
def keep(tmp_path: Path) -> Iterator[Callable[..., Keeper]]:
    """Start a supervisor with programs, given as rows."""
    started: list[Keeper] = []

    def start(*programs: dict[str, Any]) -> Keeper:
        started.append(Keeper(tmp_path, list(programs)))
        return started[-1]

    yield start
    for keeper in started:
        keeper.process.kill()
        keeper.process.communicate()


def alive(pid: int) -> bool:
    """Say whether a process is there and not a zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def gone(pid: int) -> bool:
    """Wait for a process to go."""
    deadline = time.monotonic() + 10
    while alive(pid) and time.monotonic() < deadline:
        time.sleep(0.01)
    return not alive(pid)


def heard(log: Path) -> None:
    """Wait until a program has printed something."""
    while not log.exists() or not log.stat().st_size:
        time.sleep(0.01)


def test_a_process_that_is_killed_is_started_again(keep: Callable[..., Keeper]) -> None:
    keeper = keep({"name": "sleeper", "argv": SLEEP})
    first = keeper.told()["sleeper"][0]
    os.kill(first, signal.SIGKILL)
    second = keeper.told()["sleeper"][0]
    assert second != first
    assert alive(second)


def test_a_process_that_will_not_start_ends_the_start_with_its_last_words(
    keep: Callable[..., Keeper], tmp_path: Path
) -> None:
    broken = [sys.executable, "-c", "print('no such thing'); exit(3)"]
    keeper = keep({"name": "broken", "argv": broken, "ready": str(tmp_path / "never")})
    said, _ = keeper.process.communicate(timeout=30)
    assert keeper.process.returncode == 1
    assert "broken does not start\nno such thing" in said


def test_a_process_that_keeps_dying_is_started_ever_again_once_the_stack_is_ready(
    keep: Callable[..., Keeper],
) -> None:
    keeper = keep({"name": "brief", "argv": [sys.executable, "-c", ""]})
    seen = [keeper.told()["brief"][0] for _ in range(4)]
    assert len(set(seen)) == 4


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_all(keep: Callable[..., Keeper], number: signal.Signals) -> None:
    keeper = keep({"name": "one", "argv": SLEEP}, {"name": "two", "argv": SLEEP, "rank": 2})
    processes = keeper.told()
    assert keeper.end(number) == 0
    assert not any(alive(pid) for pids in processes.values() for pid in pids)


@pytest.mark.skipif(sys.platform != "linux", reason="asks the Linux kernel to end the orphans")
def test_no_child_outlives_a_killed_supervisor(keep: Callable[..., Keeper]) -> None:
    keeper = keep({"name": "polite", "argv": SLEEP}, {"name": "deaf", "argv": DEAF})
    processes = keeper.told()
    heard(keeper.logs / "deaf.log")
    keeper.end(signal.SIGKILL)
    assert all(gone(pid) for pids in processes.values() for pid in pids)


def test_a_second_signal_ends_also_those_who_do_not_listen(keep: Callable[..., Keeper]) -> None:
    keeper = keep({"name": "deaf", "argv": DEAF})
    pid = keeper.told()["deaf"][0]
    heard(keeper.logs / "deaf.log")
    keeper.process.send_signal(signal.SIGTERM)
    keeper.process.send_signal(signal.SIGINT)
    while keeper.process.poll() is None:
        keeper.process.send_signal(signal.SIGINT)
        time.sleep(0.05)
    assert not alive(pid)


def test_the_store_ends_after_everyone_who_needs_it(keep: Callable[..., Keeper], tmp_path: Path) -> None:
    story = tmp_path / "story"
    slow = (
        "import signal, sys, time\n"
        "def end(*_):\n"
        "    time.sleep(float(sys.argv[3])); open(sys.argv[1], 'a').write(sys.argv[2]); sys.exit()\n"
        "signal.signal(signal.SIGTERM, end); print('up', flush=True)\n"
        # In naps: a signal that comes just before a long sleep would be heard only after it.
        "while True: time.sleep(0.05)"
    )
    keeper = keep(
        {"name": "store", "argv": [sys.executable, "-c", slow, str(story), "store.", "0"], "rank": 2},
        {"name": "worker", "argv": [sys.executable, "-c", slow, str(story), "worker.", "0.3"]},
    )
    keeper.told()
    heard(tmp_path / "store.log")
    heard(tmp_path / "worker.log")
    keeper.end(signal.SIGTERM)
    assert story.read_text() == "worker.store."


def test_a_log_that_grows_large_is_moved_aside_and_written_on(
    keep: Callable[..., Keeper], tmp_path: Path
) -> None:
    writing = (
        f"import sys, time\nsys.stdout.write('x' * {MOST_LOGGED} + '\\nbefore\\n'); sys.stdout.flush()\n"
        "import pathlib\n"
        f"while pathlib.Path({str(tmp_path / 'one.log')!r}).stat().st_size > 100: time.sleep(0.01)\n"
        "print('after', flush=True); time.sleep(600)"
    )
    keep({"name": "one", "argv": [sys.executable, "-c", writing]}).told()
    log, older = tmp_path / "one.log", tmp_path / "one.log.1"
    deadline = time.monotonic() + 20
    while not (log.exists() and log.read_bytes()[-6:] == b"after\n") and time.monotonic() < deadline:
        time.sleep(0.05)
    assert log.read_text() == "after\n", "no hole is left where it was cut"
    assert older.stat().st_size > MOST_LOGGED
    with older.open("rb") as kept:
        kept.seek(-8, 2)
        assert kept.read() == b"\nbefore\n"
