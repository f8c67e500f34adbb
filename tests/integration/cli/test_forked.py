"""A copy of the supervisor that runs an entry point is in all that matters a process of its own."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.integration.cli.test_supervisor import Keeper, alive, gone, heard, keep

pytestmark = pytest.mark.flaky_prone
__all__ = ["keep"]

TELL = {"name": "copy", "entry": "entries:tell", "argv": ["--queues", "submit"], "env": {"ONLY": "this"}}


def test_it_has_its_own_words_files_and_signals_and_says_goodbye(
    keep: Callable[..., Keeper], tmp_path: Path
) -> None:
    keeper = keep(TELL)
    (pid,) = keeper.told()["copy"]
    log = tmp_path / "copy.log"
    while "waiting" not in log.read_text():
        assert alive(pid)
    said = json.loads(log.read_text().splitlines()[0])
    assert said == {
        "argv": ["entries", "--queues", "submit"],
        "env": {"ONLY": "this"},
        "open": [],
        "leads": True,
        "term": True,
        "wakes": -1,
        "blocked": 0,
        "stdin": "",
    }
    assert keeper.end(signal.SIGTERM) == 0
    assert log.read_text().splitlines()[-1] == "the end"


def test_it_is_started_again_and_does_not_outlive_who_started_it(
    keep: Callable[..., Keeper], tmp_path: Path
) -> None:
    keeper = keep(TELL)
    (first,) = keeper.told()["copy"]
    heard(tmp_path / "copy.log")
    os.kill(first, signal.SIGKILL)
    (second,) = keeper.told()["copy"]
    assert alive(second)
    keeper.end(signal.SIGKILL)
    assert gone(second)


@pytest.mark.parametrize(("entry", "words"), [("fail", "no such thing"), ("stumble", "unforeseen")])
def test_one_that_does_not_start_is_heard(
    keep: Callable[..., Keeper], tmp_path: Path, entry: str, words: str
) -> None:
    never = str(tmp_path / "never")
    keeper = keep({"name": "copy", "entry": f"entries:{entry}", "argv": [], "ready": never})
    said, _ = keeper.process.communicate(timeout=30)
    assert keeper.process.returncode == 1
    assert "copy does not start" in said
    assert words in said


def test_what_is_loaded_beforehand_begins_no_thread_and_reads_no_settings() -> None:
    script = """
import sys, threading
from broker.cli import forked
forked.load()
assert threading.active_count() == 1, threading.enumerate()
assert "workers.app" not in sys.modules
assert "broker.simulator.events" not in sys.modules
"""
    done = subprocess.run(
        [sys.executable, "-P", "-c", script],
        env={"BROKER_NO_SUCH_SETTING": "1"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
