"""What the documents say of the code is so."""

import inspect
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from broker.cli.chaos.report import BREACHES
from broker.dispatch import JOB_OF
from broker.domain.status import ENDS, TRANSITIONS, Status
from broker.keyspace import keys
from broker.storage.tables import metadata
from tests.unit.test_house import ROOT, SCRIPTS

DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
ARCHITECTURE = (ROOT / "docs" / "ARCHITECTURE.md").read_text()
RELIABILITY = (ROOT / "docs" / "RELIABILITY.md").read_text()
PROMISES = 16
TEST = re.compile(r"`(tests/[\w/]+\.py)::(test_\w+)`")
PATH = re.compile(
    r"`((?:broker|workers|tests|deploy|docs)(?:/[\w.\-]+)+|broker|workers|tests|deploy|docs)/?`"
)


def section(title: str) -> str:
    """Return the part of the document below a heading of the second rank."""
    return ARCHITECTURE.split(f"\n## {title}\n")[1].split("\n## ")[0]


def rows(text: str, *, first: str) -> Iterator[list[str]]:
    """Yield the cells of the table whose first column has this heading."""
    wanted = False
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split(" | ")]
        if not line.startswith("|"):
            wanted = False
        elif wanted and not set(line) <= set("|- "):
            yield cells
        elif cells[0].strip() == first:
            wanted = True


def words(cell: str) -> list[str]:
    """Return what a cell has in code type."""
    return re.findall(r"`([^`]+)`", cell)


def first_words(text: str, *, first: str) -> list[str]:
    """Return the code words of a table's first column."""
    return [word for cells in rows(text, first=first) for word in words(cells[0])]


def links() -> Iterator[tuple[Path, str]]:
    for document in DOCUMENTS:
        for target in re.findall(r"\]\(([^)\s]+)\)", document.read_text()):
            if "://" not in target:
                yield document, target


def anchors(document: Path) -> set[str]:
    """Return the anchors that a document's headings make."""
    headings = re.findall(r"^#+ (.+)$", document.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_the_table_of_states_is_that_of_the_code() -> None:
    told = {
        (status, event): after
        for cells in rows(section("States"), first="Status")
        for status in words(cells[0])
        for event, after in re.findall(r"`(\w+)` → `(\w+)`", cells[1])
    }

    assert told == {(str(before), str(event)): str(after) for (before, event), after in TRANSITIONS.items()}


def test_the_table_of_states_names_every_state_and_which_are_ends() -> None:
    listed = list(rows(section("States"), first="Status"))

    assert [words(cells[0])[0] for cells in listed] == list(Status)
    assert {words(cells[0])[0] for cells in listed if "end" in cells[-1]} == set(ENDS)


def test_the_table_of_keys_names_every_function_that_makes_one() -> None:
    made = [
        name
        for name, function in inspect.getmembers(keys, inspect.isfunction)
        if function.__module__ == keys.__name__ and not name.startswith("_")
    ]

    assert sorted(first_words(section("Redis"), first="Function")) == sorted(made)


def test_the_table_of_scripts_names_every_script() -> None:
    assert sorted(first_words(section("Redis"), first="Script")) == [
        path.relative_to(ROOT).as_posix() for path in SCRIPTS
    ]


def test_the_list_of_tables_names_every_table() -> None:
    assert sorted(first_words(section("SQL"), first="Table")) == sorted(metadata.tables)


def test_the_table_of_queues_names_every_queue_with_its_job() -> None:
    told = {words(cells[0])[0]: words(cells[1])[0] for cells in rows(ARCHITECTURE, first="Queue")}

    assert told == {str(queue): str(job) for queue, job in JOB_OF.items()}


def test_the_pins_are_those_of_the_project() -> None:
    project = (ROOT / "pyproject.toml").read_text()

    pinned = {cells[0]: cells[1] for cells in rows(section("Pins"), first="Package")}

    assert pinned
    for name, version in pinned.items():
        assert re.search(rf'"{name}(\[\w+\])?=={re.escape(version)}"', project), name


@pytest.mark.parametrize(
    ("document", "target"), list(links()), ids=lambda value: getattr(value, "name", value)
)
def test_every_link_within_the_repository_leads_somewhere(document: Path, target: str) -> None:
    name, _, anchor = target.partition("#")
    place = document.parent / name if name else document

    assert place.exists()
    if anchor:
        assert anchor in anchors(place)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_path_that_a_document_names_exists(document: Path) -> None:
    named = set(PATH.findall(document.read_text()))

    assert {name for name in named if not (ROOT / name).exists()} == set()


def test_the_architecture_names_every_package() -> None:
    packages = {
        path.parent.relative_to(ROOT).as_posix()
        for path in (*(ROOT / "broker").glob("*/__init__.py"), ROOT / "workers" / "__init__.py")
    }

    assert packages <= set(PATH.findall(section("Layers")))


def test_every_promise_names_its_tests() -> None:
    told = {cells[0]: TEST.findall(cells[2]) for cells in rows(RELIABILITY, first="") if len(cells) > 2}

    assert [number for number, tests in told.items() if tests] == [str(n) for n in range(1, PROMISES + 1)]


@pytest.mark.parametrize(("path", "test"), sorted(set(TEST.findall(RELIABILITY))))
def test_every_test_that_is_named_for_a_promise_is_there(path: str, test: str) -> None:
    assert re.search(rf"^(async )?def {test}\(", (ROOT / path).read_text(), re.MULTILINE)


def test_every_kind_of_fault_that_is_measured_is_told_of_in_the_table_of_bars() -> None:
    told = {name.replace(" ", "_") for cells in rows(RELIABILITY, first="Figure") for name in [cells[0]]}

    assert told >= BREACHES.keys()
