"""The command that runs the fault suite."""

import json as json_format
import os
import secrets
import shutil
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

if TYPE_CHECKING:
    from broker.cli.chaos.ground import Options

_SHOWN = 5
"""Cases of each breach that are printed; the JSON file holds more."""


def chaos(
    seed: Annotated[int | None, typer.Option(help="Same seed, same faults in the same order.")] = None,
    faults: Annotated[int, typer.Option(help="How many faults.", min=0)] = 60,
    messages: Annotated[int, typer.Option(help="How many messages must be accepted.", min=1)] = 30_000,
    minutes: Annotated[float, typer.Option(help="Time for the faults; they set the pace.", min=0.1)] = 22,
    database: Annotated[str, typer.Option(help="sqlite or postgresql, both embedded.")] = "sqlite",
    only: Annotated[list[str] | None, typer.Option(help="Only this fault; several times.")] = None,
    json: Annotated[Path | None, typer.Option(help="Write everything found to this file.")] = None,
    keep: Annotated[bool, typer.Option("--keep", help="Keep the folder with all journals.")] = False,
) -> None:
    """Hurt a stack of its own under load, and compare what everybody was told."""
    from broker.cli.chaos.ground import Options

    if database not in {"sqlite", "postgresql"}:
        raise typer.BadParameter("sqlite or postgresql", param_hint="--database")
    options = Options(
        seed=secrets.randbelow(1_000_000) if seed is None else seed,
        faults=faults,
        messages=messages,
        minutes=minutes,
        database=database,
        only=tuple(only or ()),
    )
    folder = Path(tempfile.mkdtemp(prefix="ringpost-chaos-"))
    holds = _run(options, folder, json)
    if holds and not keep:
        shutil.rmtree(folder, ignore_errors=True)
    raise typer.Exit(0 if holds else 1)


def _run(options: "Options", folder: Path, json: Path | None) -> bool:
    """Run, show what was found, and say whether every bar was kept."""
    import uvloop

    from broker.cli.bench_report import show
    from broker.cli.chaos.report import Report
    from broker.cli.chaos.run import run
    from broker.cli.running import NotReady

    _say(f"seed {options.seed}, {options.faults} faults on {options.database}; all is in {folder}")
    _forget_settings()
    try:
        report = Report(uvloop.run(run(folder, options, _say)))
    except (NotReady, TimeoutError) as error:
        print(f"chaos: {error}; the logs are in {folder}", file=sys.stderr)
        return False
    if json is not None:
        json.write_text(json_format.dumps(report.as_json(), indent=2) + "\n")
    show(report.figures, Console())
    for name, cases in report.breaches.items():
        for case in cases[:_SHOWN]:
            print(f"{name}: {case.about}: {case.found}")
    return report.holds


def _forget_settings() -> None:
    """Drop settings that would lead to somebody's real data, or change what is tested."""
    for name in [name for name in os.environ if name.startswith("BROKER_")]:
        del os.environ[name]


def _say(text: str) -> None:
    print(f"chaos: {text}", flush=True)
