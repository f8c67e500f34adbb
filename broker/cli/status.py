"""The command that says how everything is: is it flowing, what is stuck and why."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any

import typer

from broker.cli import printing
from broker.cli.operators import open_api
from broker.cli.options import Data, Json, Login, Url

_WAITS = ("admitted", "ready", "lane", "scheduled")


def status(
    window: Annotated[str, typer.Option(help="15m, 1h, 6h, 24h, 7d or all.")] = "1h",
    data: Data = None,
    url: Url = "",
    login: Login = "",
    json: Json = False,
) -> None:
    """Say how everything is: what needs a person, what flows, what waits, and each connection."""
    found = open_api(data, url, login).get("/v1/operators/overview", window=window)
    if printing.as_json(json):
        printing.line(found)
    else:
        print("\n".join(told(found)))


def told(found: Mapping[str, Any]) -> Iterator[str]:
    """Yield an overview line by line, what needs a person first."""
    yield from (f"!  {one['text']}" for one in found["attention"])
    if not found["attention"]:
        yield "Nothing needs a person."
    rates = "  ".join(f"{name} {rate:.1f}/s" for name, rate in found["rates"].items())
    yield f"\nflow     {rates}{_took(found['to_carrier'])}"
    for way, counts in found["messages"].items():
        numbers = "  ".join(f"{name} {number}" for name, number in counts.items()) or "nothing"
        lately = "" if found["window"] == "all" else f"  (of the last {found['window']})"
        yield f"{way:<9}{numbers}{lately}"
    if found["counted_back_to"]:
        yield f"         of those made since {found['counted_back_to'][:19]}: older ones are still being counted"
    yield "\nqueues"
    yield from map(_queue, found["queues"])
    yield "\nconnections"
    yield from map(_connection, found["connections"])
    if found["causes"]:
        yield "\nwhy messages ended badly"
        yield from (f"  {one['messages']:>7}  {one['status']}  {one['cause']}" for one in found["causes"])


def _queue(row: Mapping[str, Any]) -> str:
    waits = "  ".join(f"{name} {row['waiting'].get(name, 0)}" for name in _WAITS)
    return f"  {row['queue']:<14}{waits}  oldest {row['oldest_s']:.1f} s"


def _connection(row: Mapping[str, Any]) -> str:
    why = f" ({row['reason']})" if row["reason"] else ""
    failing = "" if row["failing"] is None else f"  {row['failing']:.1%} of attempts fail"
    limit = "" if row["mps"] is None else f" of {row['mps']:g}"
    waits = f"  {row['waiting']} wait" if row["waiting"] else ""
    pace = f"{row['rate']:.1f}{limit}/s{failing}{_took(row['to_carrier'])}{waits}"
    return f"  {row['name']:<20}{row['state']}{why}  {pace}"


def _took(latency: Mapping[str, float] | None) -> str:
    return "" if latency is None else f"  p95 {latency['p95_s']:.2f} s to the carrier"
