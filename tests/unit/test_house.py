"""The numbers and names of the house, on every file."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from broker.dispatch import JOB_OF, Job, Queue

ROOT = Path(__file__).parents[2]
MODULES = sorted(path for package in ("broker", "workers") for path in (ROOT / package).rglob("*.py"))
SCRIPTS = sorted((ROOT / "broker").rglob("*.lua"))
OURS = [path for path in MODULES if "migrations/versions" not in path.as_posix()]

MODULE_LINES = 300
FUNCTION_LINES = 40
SCRIPT_LINES = 60
NAMELESS = {"utils", "util", "helpers", "helper", "common", "constants", "models", "misc"}


def name(path: Path) -> str:
    """Return a path as it is known in the repository."""
    return path.relative_to(ROOT).as_posix()


def functions(tree: ast.Module) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Yield every function and method."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


@pytest.mark.parametrize("path", OURS, ids=name)
class TestModule:
    """What holds for every module."""

    def test_it_stops_at_its_line(self, path: Path) -> None:
        assert len(path.read_text().splitlines()) <= MODULE_LINES

    def test_its_functions_stop_at_theirs(self, path: Path) -> None:
        lengths = {
            node.name: (node.end_lineno or 0) - node.lineno + 1
            for node in functions(ast.parse(path.read_text()))
        }
        assert {name: lines for name, lines in lengths.items() if lines > FUNCTION_LINES} == {}

    def test_its_docstring_starts_with_one_sentence(self, path: Path) -> None:
        docstring = ast.get_docstring(ast.parse(path.read_text()))
        assert docstring, "a module says why one would open it"
        first, _, rest = docstring.partition("\n")
        assert first.endswith("."), "one line, one sentence"
        assert not rest or rest.startswith("\n"), "the first line stands alone"

    def test_its_name_says_something(self, path: Path) -> None:
        assert path.stem not in NAMELESS

    def test_everything_public_has_a_docstring(self, path: Path) -> None:
        bare = [
            node.name
            for node in _public(ast.parse(path.read_text()))
            if not ast.get_docstring(node) and not _is_overload(node)
        ]
        assert bare == []


def _public(tree: ast.Module) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef]:
    """Yield public classes, functions and methods; what is inside a function is nobody's business."""
    waiting: list[ast.AST] = [tree]
    while waiting:
        for node in getattr(waiting.pop(), "body", []):
            if (
                isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
                and node.name[0] != "_"
            ):
                yield node
                if isinstance(node, ast.ClassDef):
                    waiting.append(node)


def _is_overload(node: ast.AST) -> bool:
    return any("overload" in ast.unparse(decorator) for decorator in getattr(node, "decorator_list", []))


@pytest.mark.parametrize("path", [path for path in MODULES if path.name == "__init__.py"], ids=name)
def test_a_package_init_is_a_docstring_with_at_most_a_table(path: Path) -> None:
    allowed = (ast.Expr, ast.Import, ast.ImportFrom, ast.Assign, ast.AnnAssign)
    body = ast.parse(path.read_text()).body
    assert all(isinstance(node, allowed) for node in body), "logic belongs into a module"


@pytest.mark.parametrize("path", SCRIPTS, ids=name)
class TestScript:
    """What holds for every Lua script."""

    def test_it_stops_at_its_line(self, path: Path) -> None:
        assert len(path.read_text().splitlines()) <= SCRIPT_LINES

    def test_its_header_names_what_it_is_given(self, path: Path) -> None:
        script = path.read_text()
        header = "\n".join(line for line in script.splitlines() if line.startswith("--"))
        assert script.startswith("--")
        for word in ("KEYS", "ARGV"):
            assert word in header or word not in script, f"{word} is used and not explained"

    def test_it_asks_redis_for_the_time(self, path: Path) -> None:
        assert "os.time" not in path.read_text()
        assert "os.clock" not in path.read_text()


def test_every_job_has_one_queue_and_every_queue_one_job() -> None:
    assert set(JOB_OF) == set(Queue)
    assert sorted(JOB_OF.values()) == sorted(Job)


def test_every_job_has_one_task() -> None:
    found: list[str] = []
    for path in sorted((ROOT / "workers" / "tasks").glob("*.py")):
        for node in functions(ast.parse(path.read_text())):
            for decorator in node.decorator_list:
                found += re.findall(r"Job\.(\w+)", ast.unparse(decorator))
    assert sorted(found) == sorted(job.name for job in Job)


def test_a_task_takes_nothing_and_calls_one_thing() -> None:
    for path in sorted((ROOT / "workers" / "tasks").glob("*.py")):
        for node in functions(ast.parse(path.read_text())):
            if any("Job." in ast.unparse(decorator) for decorator in node.decorator_list):
                arguments = node.args
                assert not [*arguments.args, *arguments.kwonlyargs], f"{node.name} takes arguments"
                steps = [step for step in node.body if not _is_docstring(step)]
                assert len(steps) == 1, f"{node.name} does {len(steps)} things"


def _is_docstring(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def test_exceptions_are_caught_wholesale_only_at_the_rim_or_to_hand_them_on() -> None:
    found = [
        f"{name(path)}: {line.strip()}"
        for path in OURS
        if not name(path).startswith(("broker/ingress/", "workers/"))
        for line in path.read_text().splitlines()
        if re.search(r"except (Exception|BaseException)\b", line) and "handed to whoever waits" not in line
    ]
    assert found == []
