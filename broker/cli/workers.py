"""Commands about workers."""

from typing import Annotated
from urllib.parse import quote

import typer

from broker.cli import printing
from broker.cli.client import Api
from broker.cli.operators import open_api
from broker.cli.options import Data, Json, Login, Url

workers = typer.Typer(help="Worker processes.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(help="The worker's name, as `workers ls` has it.")]
Reason = Annotated[str, typer.Option(help="Why; it is kept.")]


@workers.command("ls")
def list_workers(data: Data = None, url: Url = "", login: Login = "", json: Json = False) -> None:
    """List workers: whether they take work, how busy they are, and what they hear."""
    for row in open_api(data, url, login).get("/v1/workers")["data"]:
        if printing.as_json(json):
            printing.line(row)
        else:
            busy = f"{row['busy']} of {row['threads']} busy"
            print(
                f"{row['name']:<32} {row['state']:<8} {busy:<14} {','.join(row['queues'])}"
                + (f"  {row['reason']}" if row["reason"] else "")
            )


@workers.command("drain")
def drain(name: Name, reason: Reason, data: Data = None, url: Url = "", login: Login = "") -> None:
    """Let a worker finish what it has and take no more, until it is resumed; one that is started anew works."""
    _change(open_api(data, url, login), name, "drain", reason)


@workers.command("resume")
def resume(name: Name, reason: Reason, data: Data = None, url: Url = "", login: Login = "") -> None:
    """Let a worker take work again."""
    _change(open_api(data, url, login), name, "resume", reason)


def _change(api: Api, name: str, what: str, reason: str) -> None:
    row = api.post(f"/v1/workers/{quote(name, safe='')}/{what}", {"reason": reason})
    print(f"{name} is {row['state']}")
