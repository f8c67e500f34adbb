"""Commands about connections."""

from pathlib import Path
from typing import Annotated
from urllib.parse import quote

import typer

from broker.cli import printing
from broker.cli.client import Api
from broker.cli.folder import Folder
from broker.cli.options import Data, Json, Login, Url
from broker.settings import Settings

connections = typer.Typer(help="Connections to carriers.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(help="The connection's name.")]
Reason = Annotated[str, typer.Option(help="Why; it is kept, or logged.")]


@connections.command("ls")
def list_connections(data: Data = None, url: Url = "", login: Login = "", json: Json = False) -> None:
    """List connections: their state, their rates, and how much waits for them."""
    for row in _api(data, url, login).get("/v1/connections")["data"]:
        if printing.as_json(json):
            printing.line(row)
        else:
            rates = f"{row['mps'] or '-'}/{row['sender_mps'] or '-'} {row['mps_unit']}/s"
            print(
                f"{row['name']:<24} {row['state']:<7} {rates:<20} {row['waiting']:>9} wait  {row['reason']}"
            )


@connections.command("pause")
def pause(name: Name, reason: Reason, data: Data = None, url: Url = "", login: Login = "") -> None:
    """Submit nothing over a connection until it is resumed."""
    row = _api(data, url, login).post(f"/v1/connections/{quote(name, safe='')}/pause", {"reason": reason})
    print(f"{name} is {row['state']}; {row['waiting']} messages wait for it")


@connections.command("resume")
def resume(name: Name, reason: Reason, data: Data = None, url: Url = "", login: Login = "") -> None:
    """Go on submitting over a connection."""
    row = _api(data, url, login).post(f"/v1/connections/{quote(name, safe='')}/resume", {"reason": reason})
    print(f"{name} is {row['state']}; {row['waiting']} messages wait for it")


def _api(data: Path | None, url: str, login: str) -> Api:
    return Api.of_operators(Folder(data or Settings.load().data_dir), url=url, login=login)
