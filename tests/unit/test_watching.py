"""What operators watch with names what is there: alarms, their pages, dashboards, commands."""

import json
import re
import subprocess
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml
from prometheus_client.parser import text_string_to_metric_families

from broker.cli.main import app
from broker.dispatch import Queue
from broker.domain.callback import CallbackState
from broker.domain.status import Status
from broker.ingress.metrics import Meter as IngressMeter
from broker.metrics.measure import Kind, Measure
from broker.metrics.measures import SCHEDULER, WORKER
from broker.metrics.meter import Meter
from broker.services.standing import STANDING, Standing
from broker.settings import PREFIX, Settings
from tests.promtool import promtool
from tests.unit.test_house import ROOT

RULES = ROOT / "deploy" / "prometheus" / "rules.yml"
PAGES = sorted((ROOT / "docs" / "runbooks").glob("*.md"))
DASHBOARDS = sorted((ROOT / "deploy" / "grafana").glob("*.json"))
NAME = re.compile(r"\bbroker_\w+")
SOURCES = [path.read_text() for folder in ("broker", "workers") for path in (ROOT / folder).rglob("*.py")]
GROWING = {
    "account",
    "customer",
    "tenant",
    "number",
    "sender",
    "recipient",
    "id",
    "message_id",
    "path",
    "url",
}


def rules() -> list[dict[str, Any]]:
    """Return every rule."""
    groups = yaml.safe_load(RULES.read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


def expressions() -> Iterator[tuple[str, str]]:
    """Yield every expression with the place where it is written."""
    for rule in rules():
        yield rule["alert"], rule["expr"]
    for path in DASHBOARDS:
        for panel in json.loads(path.read_text())["panels"]:
            for target in panel["targets"]:
                yield f"{path.name} {panel['title']}", target["expr"]


def meters() -> list[Meter]:
    """Return the meters of an ingress, a worker and a scheduler that have just begun."""
    found = [IngressMeter(), Meter("worker", WORKER), Meter("scheduler", SCHEDULER)]
    for meter in (found[0], found[2]):
        Standing(meter, held=dict, sql=lambda: True)
    return found


def exported() -> set[str]:
    """Return the names of all series that the processes show, whatever happened."""
    names: set[str] = set()
    for meter in meters():
        for family in text_string_to_metric_families(meter.page().decode()):
            suffixes = {"counter": ("_total",), "histogram": ("_bucket", "_sum", "_count")}
            names |= {family.name + suffix for suffix in suffixes.get(family.type, ("",))}
    return names


def test_every_alarm_has_its_page_and_every_page_its_alarm() -> None:
    alerts = [rule["alert"] for rule in rules()]
    assert len(alerts) == len(set(alerts))
    assert sorted(alerts) == [path.stem for path in PAGES]
    assert {rule["alert"]: rule["annotations"]["runbook"] for rule in rules()} == {
        name: f"docs/runbooks/{name}.md" for name in alerts
    }


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.stem)
def test_a_page_says_what_it_means_what_to_look_at_and_how_to_end_it(page: Path) -> None:
    text = page.read_text()
    parts = re.split(r"^## (.+)$", text, flags=re.MULTILINE)
    assert text.startswith(f"# {page.stem}\n")
    assert parts[1::2] == ["Look at first", "End it"]
    assert all(len(part.strip()) > 50 for part in (*parts[2::2], parts[0]))
    rule = next(rule for rule in rules() if rule["alert"] == page.stem)
    assert set(NAME.findall(rule["expr"])) & set(NAME.findall(text)), "it names the metric it is about"


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.stem)
def test_every_command_of_a_page_is_there(page: Path) -> None:
    command: Any = typer.main.get_command(app)
    for line in re.findall(r"`\./run ([^`]+)`", page.read_text()):
        words = re.sub(r'"[^"]*"', "TEXT", line).split()
        found = command
        while commands := getattr(found, "commands", {}):
            assert words, f"{line} is no command"
            assert words[0] in commands, line
            found = commands[words.pop(0)]
        known = {name for parameter in found.params for name in parameter.opts}
        assert {word for word in words if word.startswith("--")} <= known, line


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.stem)
def test_what_a_page_names_is_there(page: Path) -> None:
    text = page.read_text()
    families = {measure.name for measure in by_series().values()}
    assert {name for name in NAME.findall(text) if name not in exported() | families} == set()
    settings = {f"{PREFIX}{name.upper()}" for name in Settings.model_fields}
    assert set(re.findall(rf"{PREFIX}\w+", text)) <= settings
    for target in re.findall(r"\]\(([^)]+)\)", text):
        assert (page.parent / target).exists(), target


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.stem)
def test_every_line_of_a_log_that_a_page_names_is_written_somewhere(page: Path) -> None:
    labels = {label for measure in by_series().values() for label in measure.labels}
    for event in re.findall(r"`(?!broker_)([a-z]+(?:_[a-z]+)+)`", page.read_text()):
        assert event in labels or any(f'"{event}"' in source for source in SOURCES), event


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.stem)
def test_every_process_that_a_page_starts_and_every_value_that_it_asks_for_is_there(page: Path) -> None:
    text = page.read_text()
    for module in re.findall(r"`python -m ([\w.]+)", text):
        assert find_spec(module), module
    for queues in re.findall(r"--queues ([\w.,]+)", text):
        assert set(queues.split(",")) <= set(Queue), queues
    for state in re.findall(r"callbacks \w+ .*?--state (\w+)", text):
        assert state in {CallbackState.GIVEN_UP, CallbackState.HELD}, state
    for status in re.findall(r"(?:[?&]|--)status[= ](\w+)", text):
        assert status in set(Status), status


@pytest.mark.parametrize(("place", "expr"), list(expressions()), ids=lambda value: None)
def test_every_metric_of_an_expression_is_exported(place: str, expr: str) -> None:
    named = set(NAME.findall(expr)) or set(re.findall(r"\bprocess_\w+", expr))
    assert named, place
    assert {name for name in named if not name.startswith("process_")} <= exported(), place


@pytest.mark.parametrize(("place", "expr"), list(expressions()), ids=lambda value: None)
def test_every_label_of_an_expression_belongs_to_its_metric(place: str, expr: str) -> None:
    for name, inside in re.findall(r"\b(broker_\w+)\{([^}]*)\}", expr):
        measure = by_series()[name]
        asked = set(re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", inside))
        assert asked <= {*measure.labels, "instance", "job"}, place


@pytest.mark.parametrize("path", DASHBOARDS, ids=lambda path: path.stem)
def test_a_dashboard_is_whole(path: Path) -> None:
    board = json.loads(path.read_text())
    ids = [panel["id"] for panel in board["panels"]]
    assert board["uid"].startswith("ringpost-")
    assert len(ids) == len(set(ids)) > 0
    for panel in board["panels"]:
        assert panel["datasource"]["uid"] == "${datasource}", "the data source is a variable"
        assert all(panel[name] for name in ("title", "description", "targets"))
        assert panel["gridPos"]["x"] + panel["gridPos"]["w"] <= 24


def test_no_measure_has_a_label_that_grows_with_customers() -> None:
    measures = [*WORKER, *SCHEDULER, *STANDING, *by_series().values()]
    assert {label for measure in measures for label in measure.labels} & GROWING == set()


ROWS = """
http_requests_total{route,method,status} http_request_seconds{route} messages_accepted_total{type,direction}
messages_final_total{type,status,connection} attempts_total{connection,outcome,code_class}
carrier_call_seconds{connection} end_to_end_seconds{type} queue_depth{queue,state} queue_oldest_seconds{queue}
outbox_oldest_seconds dead_letters{queue} circuit_state{connection} rate_wait_seconds{connection}
webhook_in_total{connection,verdict} webhook_out_total{outcome} media_bytes_total{op} media_process_seconds{op}
worker_heartbeat_seconds idempotency_total{result} build_info{version,role}
"""
"""What operators were promised, by name and labels."""


@pytest.mark.parametrize("row", ROWS.split())
def test_each_metric_that_was_promised_is_there_with_its_labels_and_no_other(row: str) -> None:
    name, _, labels = row.rstrip("}").partition("{")
    known = by_series()
    measure = known.get(f"broker_{name}") or known[f"broker_{name}_bucket"]
    assert set(measure.labels) == set(filter(None, labels.split(",")))


def by_series() -> dict[str, Measure]:
    """Return the measures by the names of their series."""
    import broker.ingress.metrics as ingress

    own = [value for value in vars(ingress).values() if isinstance(value, Measure)]
    suffixes = {Kind.COUNTER: ("_total",), Kind.HISTOGRAM: ("_bucket", "_sum", "_count"), Kind.GAUGE: ("",)}
    return {
        measure.name + suffix: measure
        for measure in (*WORKER, *SCHEDULER, *STANDING, *own)
        for suffix in suffixes[measure.kind]
    }


def test_promtool_takes_the_rules_and_the_configuration() -> None:
    tool = promtool()
    for what in (["check", "rules", str(RULES)], ["check", "config", str(RULES.parent / "prometheus.yml")]):
        done = subprocess.run([tool, *what], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
