"""The fault suite in short: a handful of faults that between them hurt every part, on both databases."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.chaos, pytest.mark.flaky_prone, pytest.mark.timeout(300)]

SHORT = {
    "sqlite": (
        "kill-everything",
        "carrier-takes-and-drops",
        "redis-answers-lost",
    ),
    "postgresql": ("sql-killed", "kill-submitting-worker"),
}
NONE = (
    "lost",
    "half_accepted",
    "hidden_repeats",
    "phantoms",
    "split_keys",
    "backwards",
    "untold",
    "odd_answers",
    "ledger",
    "miscounted",
)


@pytest.mark.parametrize("database", SHORT)
def test_nothing_is_lost_hidden_or_told_wrong_whatever_is_hurt(database: str, tmp_path: Path) -> None:
    file, kinds = tmp_path / "chaos.json", SHORT[database]
    command = [sys.executable, "-P", "-m", "broker.cli.main", "chaos", "--seed", "5", "--json", str(file)]
    command += ["--database", database, "--faults", str(len(kinds)), "--messages", "200", "--minutes", "0.3"]
    command += [word for kind in kinds for word in ("--only", kind)]

    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=280)

    said = done.stdout + done.stderr
    assert file.exists(), said
    found = json.loads(file.read_text())
    assert {fault["name"] for fault in found["faults"]} == set(kinds)
    figures = {name: figure["value"] for name, figure in found["figures"].items()}
    assert {name: figures[name] for name in NONE} == dict.fromkeys(NONE, 0), said
    assert figures["accepted"] >= 200
    assert figures["repeats"] <= found["figures"]["repeats"]["at_most"]
