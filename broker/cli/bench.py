"""The benchmark: its own stack on embedded defaults, measured from outside."""

import json as json_format
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Collection
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from broker.cli.bench_report import Figure, as_json, show

_OWN = (
    "REDIS_URL",
    "DATABASE_URL",
    "DATA_DIR",
    "ATTACHMENTS_DIR",
    "OUTBOX_DIR",
    "PROVISION_FILE",
    "HOST",
    "PORT",
)
"""Settings that would lead to somebody's real data."""

_LEAST_S = 0.5
"""Shortest turn of a measurement: a busy machine answers nothing at all in less."""


class CrowdPhase(StrEnum):
    """What is measured of a crowd: who waits beside it in its lane, and on its way; its flow; longer texts, and MMS."""

    LANE = "lane"
    WAY = "way"
    FLOW = "flow"
    CONTENT = "content"


def bench(
    json: Annotated[Path | None, typer.Option(help="Write everything measured to this file.")] = None,
    quick: Annotated[
        bool, typer.Option("--quick", help="A tenth of the load, to see that it works.")
    ] = False,
    crowd: Annotated[
        int | None,
        typer.Option(min=100, help="Measure instead what so many waiting messages cost; 1000000 takes long."),
    ] = None,
    only: Annotated[list[CrowdPhase] | None, typer.Option(help="Of a crowd measure only this.")] = None,
) -> None:
    """Measure how fast messages are accepted, submitted and reported, on a stack of its own."""
    console = Console(stderr=True)
    for name in _OWN:
        # ./run itself names a data folder: that is nothing to tell.
        if os.environ.pop(f"BROKER_{name}", None) and name != "DATA_DIR":
            console.print(f"bench: BROKER_{name} is not used, the benchmark has its own stack")
    folder = Path(tempfile.mkdtemp(prefix="ringpost-bench-"))
    figures: list[Figure] = []
    try:
        phases = _Phases(figures, console)
        wrong = (
            _measure(folder, phases, share=0.1 if quick else 1.0)
            if crowd is None
            else _measure_crowd(folder, phases, crowd, only or tuple(CrowdPhase))
        )
    finally:
        if json is not None and figures:
            json.write_text(json_format.dumps(as_json(figures), indent=2) + "\n")
    show(figures, Console())
    if wrong:
        print(f"bench: {wrong}; the logs are in {folder}", file=sys.stderr)
        raise typer.Exit(1)
    shutil.rmtree(folder, ignore_errors=True)
    unbalanced = [each.what for each in figures if each.name in {"lost", "doubled"} and not each.reached]
    raise typer.Exit(1 if unbalanced else 0)


class _Phases:
    """Runs phases and keeps their figures."""

    def __init__(self, figures: list[Figure], console: Console) -> None:
        self._figures = figures
        self._console = console

    def __call__(self, title: str, run: Callable[[], list[Figure]]) -> None:
        """Run one phase."""
        began = time.monotonic()
        self._console.print(f"bench: {title}", end=" ")
        self._figures.extend(run())
        self._console.print(f"({time.monotonic() - began:.0f} s)")


def _measure(folder: Path, phase: _Phases, *, share: float) -> str:
    """Run every phase, and return what went wrong."""
    from broker.cli import bench_door, bench_flow, bench_logins
    from broker.cli.folder import Folder
    from broker.cli.running import NotReady, running

    try:
        phase(
            "accepting, nobody consuming",
            lambda: bench_door.measure(folder / "door", seconds=max(1.5 * share, _LEAST_S)),
        )
        phase(
            "accepting by password",
            lambda: bench_logins.measure(folder / "logins", seconds=max(1.0 * share, _LEAST_S)),
        )
        with running(folder / "flow", "--port", "0", quiet=True) as stack:
            flow = bench_flow.Flow(Folder(folder / "flow"), stack.pid)
            try:
                flow.warm_up()
                phase("submitting at 0 ms", lambda: flow.throughput(round(12_000 * share), latency_ms=0))
                phase("submitting at 100 ms", lambda: flow.throughput(round(12_000 * share), latency_ms=100))
                phase("a steady pace", lambda: flow.pace(round(500 * share)))
                phase("reports", lambda: flow.webhooks(round(6_000 * share)))
                phase("balance", flow.balance)
            finally:
                flow.close()
    except (NotReady, TimeoutError, bench_flow.TooSlow) as error:
        return str(error)
    return ""


def _measure_crowd(folder: Path, phase: _Phases, count: int, wanted: Collection[CrowdPhase]) -> str:
    """Let messages wait, and return what went wrong."""
    from broker.cli.bench_crowd import Crowd
    from broker.cli.bench_flow import TooSlow
    from broker.cli.folder import Folder
    from broker.cli.running import NotReady, running

    def one(which: CrowdPhase, title: str, run: Callable[[Crowd], list[Figure]]) -> None:
        if which not in wanted:
            return
        name = title.replace(" ", "-")
        with running(folder / name, "--port", "0", quiet=True):
            crowd = Crowd(Folder(folder / name))
            try:
                phase(title, lambda: run(crowd))
            finally:
                crowd.close()

    try:
        one(CrowdPhase.LANE, "beside a crowd in its lane", lambda crowd: crowd.beside(count, paced=True))
        one(CrowdPhase.WAY, "beside a crowd on its way", lambda crowd: crowd.beside(count, paced=False))
        one(CrowdPhase.FLOW, "flow with a crowd behind it", lambda crowd: crowd.flow(count))
        one(CrowdPhase.CONTENT, "what its content takes", lambda crowd: crowd.content(count))
    except (NotReady, TooSlow) as error:
        return str(error)
    return ""
