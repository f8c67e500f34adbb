"""The files for operators say what the code says."""

import json
import os
import re
import shutil
import subprocess
import sys
from enum import Enum
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from broker.settings import PREFIX, Settings

ROOT = Path(__file__).parents[2]
UNITS = sorted((ROOT / "deploy" / "systemd").iterdir())


def shown(default: Any) -> str:
    """Return a default as it is written in the example."""
    if isinstance(default, SecretStr):
        return default.get_secret_value()
    if isinstance(default, Enum):
        return str(default.value)
    if isinstance(default, tuple):
        return json.dumps(list(default))
    return "" if default is None else f"{default:g}" if isinstance(default, float) else str(default)


def test_the_example_names_every_setting_with_its_default() -> None:
    text = (ROOT / "deploy" / "broker.env.example").read_text()
    found = dict(re.findall(rf"^#({PREFIX}\w+)=(.*)$", text, re.MULTILINE))
    fields = Settings.model_fields.items()
    assert found == {f"{PREFIX}{name.upper()}": shown(field.default) for name, field in fields}


def test_the_example_says_what_each_setting_is_for() -> None:
    lines = (ROOT / "deploy" / "broker.env.example").read_text().splitlines()
    for name, field in Settings.model_fields.items():
        setting = next(
            number for number, line in enumerate(lines) if line.startswith(f"#{PREFIX}{name.upper()}=")
        )
        assert lines[setting - 1] == f"# {field.description}"


def test_the_compose_file_follows_the_compose_schema() -> None:
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec"]
    done = subprocess.run(
        [*command, "deploy/compose.yaml"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd is not on this machine")
def test_systemd_takes_the_unit(unit: Path, tmp_path: Path) -> None:
    for path in UNITS:
        text = path.read_text().replace("/opt/ringpost/.venv/bin/python", sys.executable)
        (tmp_path / path.name).write_text(text.replace("/opt/ringpost", str(tmp_path)))
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(tmp_path / unit.name)],
        env={**os.environ, "SYSTEMD_UNIT_PATH": f"{tmp_path}:"},
        capture_output=True,
        text=True,
        check=False,
    )
    ours = [line for line in done.stderr.splitlines() if "ringpost" in line]
    assert (done.returncode, ours) == (0, [])


@pytest.mark.parametrize("place", ["Procfile", "deploy/compose.yaml", "deploy/systemd"])
def test_every_queue_has_a_worker_wherever_it_is_deployed(place: str) -> None:
    path = ROOT / place
    text = path.read_text() if path.is_file() else "\n".join(unit.read_text() for unit in UNITS)
    for queues in ("submit.high,submit,events", "media,callbacks,sweeps"):
        assert queues in text
    assert "workers.scheduler" in text
