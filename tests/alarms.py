"""Pages of metrics before, during and after a trouble, and promtool's word on whether an alarm fires and clears."""

import json
import subprocess
import time
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from tests.promtool import promtool
from tests.unit.test_house import ROOT

RULES = ROOT / "deploy" / "prometheus" / "rules.yml"
STEP_S = 15
PHASES = (20, 60, 120)
"""Scrapes of each phase: well, in trouble, well again; longer than any rule looks back."""

BEATS_S = 5
"""A worker whose last beat is so long ago is taken not to beat at all."""

SCRAPE_S = 20.0
"""How long a process may take to show its page, on a machine that is busy with other tests."""

CLOCKS = ("broker_worker_heartbeat_seconds", "broker_certificate_ends_seconds")
"""Times of the clock: promtool's begins at nought."""

Page = Mapping[str, float]


def parse(text: str, instance: str) -> Page:
    """Return the samples of a page, with its instance; clocks are told as from now."""
    found = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            labels = ",".join(
                f'{name}="{value}"' for name, value in {**sample.labels, "instance": instance}.items()
            )
            ago = time.time() if sample.name in CLOCKS else 0
            if sample.name.startswith("broker_"):
                found[f"{sample.name}{{{labels}}}"] = sample.value - ago
    return found


def scrape(url: str, instance: str, *, within_s: float = SCRAPE_S) -> Page:
    """Return what Prometheus gets of a process: its samples, and `up`; of one that does not answer nothing else."""
    up = f'up{{instance="{instance}",job="{instance.partition("-")[0]}"}}'
    try:
        with urllib.request.urlopen(url, timeout=within_s) as answer:
            return {**parse(answer.read().decode(), instance), up: 1.0}
    except OSError:
        return {up: 0.0}


def fires(
    alert: str,
    pages: tuple[Page, Page, Page],
    folder: Path,
    *,
    soon: bool = False,
    later: Page | None = None,
) -> None:
    """Let promtool judge: silence, the alarm (`soon` after the trouble began, where it clears by itself), silence.

    `later` is how far things went until the end of the trouble, where it is one that lasts.
    """
    series = [{"series": name, "values": _values(name, pages, later)} for name in sorted(set().union(*pages))]
    ends = [sum(PHASES[: n + 1]) * STEP_S - STEP_S for n in range(3)]
    ends[1] = PHASES[0] * STEP_S + 120 if soon else ends[1]
    firing = f'max(ALERTS{{alertname="{alert}",alertstate="firing"}})'
    asked = [
        {
            "expr": firing,
            "eval_time": f"{end}s",
            "exp_samples": [{"labels": "{}", "value": 1}] if n == 1 else [],
        }
        for n, end in enumerate(ends)
    ]
    test = {"interval": f"{STEP_S}s", "input_series": series, "promql_expr_test": asked}
    document = {"rule_files": [str(RULES)], "evaluation_interval": f"{STEP_S}s", "tests": [test]}
    file = folder / "test.yml"
    file.write_text(json.dumps(document))
    done = subprocess.run(
        [promtool(), "test", "rules", str(file)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def _values(name: str, pages: Sequence[Page], later: Page | None) -> str:
    """Return a series in promtool's words."""
    values, begin = [], 0
    for n, (page, count) in enumerate(zip(pages, PHASES, strict=True)):
        if name not in page:
            values.append(f"_x{count}")
        elif name.startswith("broker_worker_heartbeat"):
            beats = page[name] > -BEATS_S
            values.append(f"{begin + page[name]:.3f}{'+15' if beats else '+0'}x{count - 1}")
        elif name.startswith(CLOCKS):
            values.append(f"{begin + page[name]:.3f}+0x{count - 1}")
        else:
            step = (later[name] - page[name]) / (count - 1) if n == 1 and later and name in later else 0
            values.append(f"{page[name]!r}{step:+.6f}x{count - 1}")
        begin += count * STEP_S
    return " ".join(values)
