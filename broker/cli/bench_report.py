"""The figures of the benchmark, as a table and as JSON."""

import os
import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any

from rich.console import Console
from rich.table import Table

from broker import __version__


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One number. `at_least` and `at_most` are targets; `detail` is what it is made of."""

    name: str
    what: str
    value: float
    unit: str = ""
    at_least: float | None = None
    at_most: float | None = None
    detail: dict[str, Any] = field(default_factory=dict)

    @property
    def target(self) -> str:
        """Say what was aimed for."""
        if self.at_least is not None:
            return f"at least {self.at_least:,g}"
        return "" if self.at_most is None else f"at most {self.at_most:,g}"

    @property
    def reached(self) -> bool | None:
        """Say whether the target was reached; None where there is none."""
        if self.at_least is not None:
            return self.value >= self.at_least
        return None if self.at_most is None else self.value <= self.at_most


def as_json(figures: Sequence[Figure]) -> dict[str, Any]:
    """Return everything that was measured, with what it was measured on."""
    return {
        "version": __version__,
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": {
            "cores": os.cpu_count(),
            "load": os.getloadavg(),
            "system": platform.platform(),
            "python": platform.python_version(),
        },
        "settings": {name: os.environ[name] for name in sorted(os.environ) if name in _SHOWN},
        "figures": {
            each.name: {**asdict(each), "target": each.target, "reached": each.reached} for each in figures
        },
    }


_SHOWN = frozenset(
    f"BROKER_{name}"
    for name in ("DURABILITY", "TAKE_SIZE", "WORKER_THREADS", "WINDOW", "SUBMIT_CLIENT", "LOG_LEVEL")
)
"""Settings that change the result and hold no secret."""


def show(figures: Sequence[Figure], console: Console) -> None:
    """Print the figures as a table."""
    table = Table(title=f"{os.cpu_count()} cores, Python {platform.python_version()}", title_justify="left")
    table.add_column("figure")
    table.add_column("measured", justify="right")
    table.add_column("target", justify="right")
    table.add_column("")
    for each in figures:
        verdict = {True: "[green]reached[/]", False: "[red]missed[/]", None: ""}[each.reached]
        table.add_row(each.what, f"{_number(each.value)} {each.unit}".strip(), each.target, verdict)
    console.print(table)


def _number(value: float) -> str:
    if value == int(value):
        return f"{int(value):,}"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:,.2f}"  # noqa: PLR2004  (three digits are enough)
