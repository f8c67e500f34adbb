"""The benchmark from end to end, with a tenth of its load."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

FIGURES = {
    "accepts_per_s",
    "accepts_ratio",
    "basic_ratio",
    "ozeki_query_ratio",
    "mxtelecom_query_ratio",
    "submitted_per_s_0ms",
    "cpu_ms_per_message",
    "submitted_per_s_100ms",
    "to_provider_p50_ms",
    "to_provider_p99_ms",
    "events_per_s",
    "lost",
    "doubled",
}


@pytest.mark.timeout(300)
def test_the_benchmark_measures_everything_and_cleans_up(tmp_path: Path) -> None:
    file = tmp_path / "bench.json"
    env = {**os.environ, "TMPDIR": str(tmp_path), "BROKER_DATABASE_URL": "sqlite:////nowhere/at/all.db"}
    command = [sys.executable, "-m", "broker.cli.main", "bench", "--quick", "--json", str(file)]

    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads(file.read_text())["figures"]
    assert set(found) == FIGURES
    assert found["lost"]["value"] == found["doubled"]["value"] == 0
    assert all(figure["value"] > 0 for name, figure in found.items() if name not in {"lost", "doubled"})
    assert "BROKER_DATABASE_URL is not used" in done.stderr
    assert not list(tmp_path.glob("ringpost-bench-*"))
