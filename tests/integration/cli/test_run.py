"""The `run` script makes its environment by whatever way there is, and says in one sentence when there is none."""

import shutil
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
TOOLS = ("cat", "date", "dirname", "find", "mkdir", "rm", "sh", "tail", "touch")

# Each stands in for a program: it notes its arguments, and does as much as the script needs.
PYTHON = """#!/bin/sh
echo "python $*" >>"{calls}"
case "$*" in
    *"sys.version_info"*) exit {old} ;;
    *"import ensurepip"*) exit {bare} ;;
    "-m venv "*) mkdir -p "$3/bin" && cat "$0" >"$3/bin/python" && chmod +x "$3/bin/python" ;;
    *"pip install uv"*) exit {no_uv} ;;
esac
"""
UV = """#!/bin/sh
echo "uv $*" >>"{calls}"
case "$*" in venv*)
    for last; do :; done
    mkdir -p "$last/bin" && cat "{python}" >"$last/bin/python" && chmod +x "$last/bin/python" ;;
esac
"""


class Checkout:
    """A checkout with nothing but what `run` looks at, on a machine with nothing but what it is given."""

    def __init__(self, folder: Path) -> None:
        self.here = folder / "checkout"
        self.tools = folder / "tools"
        self.calls_file = folder / "calls"
        (self.here / "requirements").mkdir(parents=True)
        self.tools.mkdir()
        for name in ("runtime", "dev"):
            (self.here / "requirements" / f"{name}.txt").touch()
        (self.here / "pyproject.toml").touch()
        shutil.copy(ROOT / "run", self.here)
        for tool in (*TOOLS, "chmod"):
            (self.tools / tool).symlink_to(shutil.which(tool) or "/nowhere")

    def give_python(self, *, old: int = 0, bare: int = 0, no_uv: int = 1) -> None:
        """Put a Python on the machine."""
        self._program("python3", PYTHON.format(calls=self.calls_file, old=old, bare=bare, no_uv=no_uv))

    def give_uv(self) -> None:
        """Put uv on the machine."""
        self._program("uv", UV.format(calls=self.calls_file, python=self.tools / "python3"))

    def _program(self, name: str, text: str) -> None:
        (self.tools / name).write_text(text)
        (self.tools / name).chmod(0o755)

    def run(self, *words: str, **env: str) -> subprocess.CompletedProcess[str]:
        """Run the script."""
        return subprocess.run(
            [str(self.here / "run"), *words],
            env={"PATH": str(self.tools), **env},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def calls(self, *words: str) -> Sequence[str]:
        """Return what was called and holds all these words."""
        lines = self.calls_file.read_text().splitlines() if self.calls_file.exists() else []
        return [line for line in lines if all(word in line for word in words)]


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    """A fresh checkout on a bare machine."""
    return Checkout(tmp_path)


def test_it_is_short_and_plain_shell() -> None:
    assert len((ROOT / "run").read_text().splitlines()) < 80
    shell = shutil.which("dash") or "sh"
    assert subprocess.run([shell, "-n", str(ROOT / "run")], check=False).returncode == 0


@pytest.mark.parametrize("give", [lambda _: None, lambda checkout: checkout.give_python(old=1)])
def test_without_a_python_it_says_which_is_needed(
    checkout: Checkout, give: Callable[[Checkout], None]
) -> None:
    give(checkout)
    done = checkout.run()
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith("run: Python 3.11 or newer is needed")


def test_a_python_that_cannot_make_environments_is_told_from_a_missing_one(checkout: Checkout) -> None:
    checkout.give_python(bare=1)
    done = checkout.run()
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].endswith("apt install python3-venv")


def test_uv_makes_the_environment_where_it_is_and_needs_no_ensurepip(checkout: Checkout) -> None:
    checkout.give_python(bare=1)
    checkout.give_uv()
    done = checkout.run("version")
    assert done.returncode == 0, done.stderr
    assert checkout.calls("uv pip install", "--require-hashes", "requirements/runtime.txt")
    assert checkout.calls("uv pip install", "--no-deps -e")
    assert not checkout.calls("-m pip install")


def test_without_uv_and_with_no_way_to_it_pip_installs_in_two_steps(checkout: Checkout) -> None:
    checkout.give_python()
    done = checkout.run("version")
    assert done.returncode == 0, done.stderr
    first, second = checkout.calls("pip", "install", " -r ") + checkout.calls("pip", "install", " -e ")
    assert "--require-hashes" in first
    assert "--no-deps" in second


def test_what_is_set_up_stays_until_the_pins_change_or_the_checkout_moves(
    checkout: Checkout, tmp_path: Path
) -> None:
    checkout.give_python()
    checkout.run("version")
    before = len(checkout.calls("install"))
    checkout.run("version")
    assert len(checkout.calls("install")) == before
    (checkout.here / "requirements" / "runtime.txt").touch()
    checkout.run("version")
    assert len(checkout.calls("install")) > before

    before = len(checkout.calls("install"))
    checkout.here = checkout.here.rename(tmp_path / "moved")
    checkout.run("version")
    assert len(checkout.calls("install")) > before


@pytest.mark.parametrize(
    ("words", "becomes"),
    [
        ((), "-P -m broker.cli.main demo"),
        (("demo", "--once"), "-P -m broker.cli.main demo --once"),
        (("up", "--data", "a folder"), "-P -m broker.cli.main up --data a folder"),
        (("test", "-k", "x"), "-m pytest -n 4 --dist loadfile --no-loadscope-reorder -k x"),
    ],
)
def test_each_command_becomes_what_it_stands_for(
    checkout: Checkout, words: Sequence[str], becomes: str
) -> None:
    checkout.give_python()
    checkout.run(*words)
    assert checkout.calls()[-1] == f"python {becomes}"


def test_the_tests_need_the_development_packages_which_hold_all_others(checkout: Checkout) -> None:
    checkout.give_python()
    checkout.run("test")
    assert checkout.calls("install", "requirements/dev.txt")
    checkout.run("version")
    assert not checkout.calls("install", "requirements/runtime.txt")
