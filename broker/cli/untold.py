"""Commands about callbacks that were not told."""

from collections.abc import Mapping
from typing import Annotated, Any
from urllib.parse import urlencode

import typer

from broker.cli import printing
from broker.cli.client import Api
from broker.cli.operators import open_api
from broker.cli.options import Data, Json, Login, Most, Since, Until, Url

untold = typer.Typer(help="Callbacks that were not told.", no_args_is_help=True)


@untold.command("ls")
def list_untold(
    state: Annotated[str | None, typer.Option(help="Only given_up or held.")] = None,
    account: Annotated[str | None, typer.Option(help="Only of this account.")] = None,
    since: Since = None,
    until: Until = None,
    limit: Most = 50,
    data: Data = None,
    url: Url = "",
    login: Login = "",
    json: Json = False,
) -> None:
    """List callbacks that were given up or are held."""
    wanted = {"state": state, "account": account, "since": since, "until": until}
    rows = open_api(data, url, login).rows("/v1/callbacks", limit=limit, **wanted)
    printing.rows(rows, _told, json=json)


@untold.command("replay")
def replay_untold(
    state: Annotated[str | None, typer.Option(help="Only given_up or held.")] = None,
    account: Annotated[str | None, typer.Option(help="Only of this account.")] = None,
    since: Since = None,
    until: Until = None,
    rate: Annotated[float, typer.Option(help="Most a second.")] = 10.0,
    data: Data = None,
    url: Url = "",
    login: Login = "",
) -> None:
    """Tell callbacks again that were given up or are held."""
    wanted = {"state": state, "account": account, "since": since, "until": until}
    replay(open_api(data, url, login), wanted, rate=rate)


def replay(api: Api, wanted: Mapping[str, str | None], *, rate: float) -> None:
    """Have them told again, and say how many that are."""
    asked = {name: value for name, value in wanted.items() if value is not None}
    done = api.call("POST", f"/v1/callbacks/replay?{urlencode({**asked, 'rate': rate})}").body
    print(f"{done['count']} callbacks are told again, the last of them from {done['until']} on")


def _told(row: Mapping[str, Any]) -> str:
    return f"{row['at'][:19]}  {row['id']:<50}  {row['account']}  {row['state']}  {row['error']}"
