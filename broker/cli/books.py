"""The command that shows whether the ledger balances."""

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from broker.cli import printing
from broker.cli.client import Api
from broker.cli.operators import open_api
from broker.cli.options import Data, Json, Login, Since, Url

_COLUMNS = ("accepted", "waiting", "in_flight", "final", "parked", "difference")


def ledger(
    since: Since = None,
    account: Annotated[str | None, typer.Option(help="Only of this account.")] = None,
    data: Data = None,
    url: Url = "",
    login: Login = "",
    json: Json = False,
) -> None:
    """Show where accepted messages are, by account and hour; exit 1 if any is missing."""
    api = open_api(data, url, login)
    balanced = show(api, {"since": since, "account": account}, json=json)
    raise typer.Exit(0 if balanced else 1)


def show(api: Api, wanted: Mapping[str, str | None], *, json: bool) -> bool:
    """Print the ledger by account and hour, and the one number; say whether it balances."""
    found = api.get("/v1/ledger", **wanted)
    if printing.as_json(json):
        for row in found["data"]:
            printing.line(row)
        printing.line({"difference": found["difference"]})
    else:
        print("\n".join(table(found["data"])))
        print(f"difference: {found['difference']}")
    return bool(found["difference"] == 0)


def table(rows: list[dict[str, Any]]) -> list[str]:
    """Return the lines of a table."""
    width = max((len(row["account"]) for row in rows), default=0)
    width = max(width, len("account"))
    heads = "  ".join(f"{name.replace('_', ' '):>10}" for name in _COLUMNS)
    lines = [f"{'account':<{width}}  {'hour':<16}  {heads}"]
    for row in rows:
        numbers = "  ".join(f"{row[name]:>10}" for name in _COLUMNS)
        lines.append(f"{row['account']:<{width}}  {row['hour'][:16]}  {numbers}")
    return lines
