"""The commands that erase a number, and show what was erased."""

import time
from typing import Annotated, Any

import typer

from broker.cli import printing
from broker.cli.operators import open_api
from broker.cli.options import Data, Json, Login, Url

_PATH = "/v1/operators/erasures"
_EVERY_S = 1.0


def erase(
    number: Annotated[str, typer.Argument(help="The number to erase.")],
    reason: Annotated[str, typer.Option(help="Why; it is kept.")],
    wait: Annotated[float, typer.Option(help="Follow it for so many seconds.")] = 0,
    data: Data = None,
    url: Url = "",
    login: Login = "",
    json: Json = False,
) -> None:
    """Erase a number with its texts and files from everything."""
    api = open_api(data, url, login)
    found = api.post(_PATH, {"number": number, "reason": reason})
    until = time.monotonic() + wait
    while found["ended_at"] is None and time.monotonic() < until:
        time.sleep(_EVERY_S)
        found = next(row for row in api.get(_PATH)["data"] if row["id"] == found["id"])
    _print(found, json=json)
    raise typer.Exit(1 if wait and found["ended_at"] is None else 0)


def erasures(data: Data = None, url: Url = "", login: Login = "", json: Json = False) -> None:
    """Show which numbers were erased, by whom and why."""
    api = open_api(data, url, login)
    for row in api.get(_PATH)["data"]:
        _print(row, json=json)


def _print(row: dict[str, Any], *, json: bool) -> None:
    if printing.as_json(json):
        printing.line(row)
        return
    counts = ", ".join(f"{count} {name}" for name, count in row["erased"].items() if count) or "nothing yet"
    waiting = f"; {row['waiting']} messages are still under way" if row["waiting"] else ""
    print(f"{row['at'][:19]}  {row['id']}  {row['step']}  {row['who']}: {row['reason']}  ({counts}{waiting})")
