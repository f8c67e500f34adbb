"""The demo is what it says it is, from one command."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytestmark = [pytest.mark.flaky_prone, pytest.mark.timeout(300)]

DEMO = [sys.executable, "-P", "-m", "broker.cli.main", "demo", "--port", "0"]


def test_the_demo_plays_its_scene_once_and_leaves_nothing(tmp_path: Path) -> None:
    done = subprocess.run(
        [*DEMO, "--once", "--data", str(tmp_path / "data")],
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "all six ended as they should" in done.stdout
    assert "WRONG" not in done.stdout
    (stored,) = (tmp_path / "data" / "MMSAttachments").glob("*/1-beach.jpg")
    assert str(stored) in done.stdout
    assert not (tmp_path / "data" / "endpoints.json").exists()


@pytest.mark.skipif(
    not shutil.which("curl") and "CI" not in os.environ, reason="copies a curl, which is not here; CI has it"
)
def test_the_demo_stays_up_with_a_curl_to_copy_until_it_is_interrupted(tmp_path: Path) -> None:
    data = tmp_path / "data"
    said = tmp_path / "said"
    with said.open("w") as out:
        demo = subprocess.Popen([*DEMO, "--data", str(data)], stdout=out, stderr=subprocess.STDOUT)
        try:
            deadline = time.monotonic() + 240
            while "Ctrl-C ends everything" not in said.read_text():
                assert demo.poll() is None, said.read_text()
                assert time.monotonic() < deadline
                time.sleep(0.1)
            pids = [
                pid
                for found in json.loads((data / "endpoints.json").read_text())["processes"].values()
                for pid in found
            ]
            text = said.read_text()
            curl = text[text.index("  curl ") :].split("\n\n")[0]
            answer = json.loads(subprocess.check_output(["sh", "-c", curl], text=True, timeout=60))
            assert answer["status"] == "accepted"
            demo.send_signal(signal.SIGINT)
            assert demo.wait(60) == 0, said.read_text()
            assert not [pid for pid in pids if _alive(pid)]
        finally:
            demo.kill()
            demo.wait()


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
