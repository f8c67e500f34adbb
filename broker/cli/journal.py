"""Commands about carriers' webhooks."""

from collections.abc import Mapping
from typing import Annotated, Any
from urllib.parse import urlencode

import typer

from broker.cli import printing
from broker.cli.client import Api
from broker.cli.operators import open_api
from broker.cli.options import Data, Json, Login, Most, Since, Until, Url

journal = typer.Typer(
    help="Webhooks of carriers: what fits nothing, what is read again.", no_args_is_help=True
)

Connection = Annotated[str | None, typer.Option(help="Only of this connection.")]


@journal.command("parked")
def list_parked(
    kind: Annotated[str | None, typer.Option(help="Only report or arrival.")] = None,
    connection: Connection = None,
    since: Since = None,
    until: Until = None,
    limit: Most = 50,
    data: Data = None,
    url: Url = "",
    login: Login = "",
    json: Json = False,
) -> None:
    """List reports about messages we do not know, and arrivals for numbers that are nobody's."""
    wanted = {"kind": kind, "connection": connection, "since": since, "until": until}
    rows = open_api(data, url, login).rows("/v1/webhooks/parked", limit=limit, **wanted)
    printing.rows(rows, _told, json=json)


@journal.command("replay")
def replay_webhooks(
    from_: Annotated[str, typer.Option("--from", help="From this time on, as 2026-01-17T13:10:26Z.")],
    until: Annotated[str, typer.Option(help="Up to this time.")],
    connection: Connection = None,
    data: Data = None,
    url: Url = "",
    login: Login = "",
) -> None:
    """Read webhooks of a time again: what had its effect has no second one, what is understood now has it."""
    replay(open_api(data, url, login), {"from": from_, "until": until, "connection": connection})


def replay(api: Api, wanted: Mapping[str, str | None]) -> None:
    """Have a stretch read again page by page, and say what came of it."""
    asked = {name: value for name, value in wanted.items() if value is not None}
    total = dict.fromkeys(("webhooks", "moved", "arrived", "parked"), 0)
    cursor: str | None = None
    while True:
        query = asked if cursor is None else {**asked, "cursor": cursor}
        page = api.call("POST", f"/v1/webhooks/replay?{urlencode(query)}").body
        total = {name: number + page[name] for name, number in total.items()}
        cursor = page["next_cursor"]
        if cursor is None:
            break
    print(
        f"{total['webhooks']} webhooks read again: {total['moved']} messages moved, {total['arrived']} arrived, "
        f"{total['parked']} pieces of news wait for their message"
    )


def _told(row: Mapping[str, Any]) -> str:
    what = row["event"] or f"from {row['from']}"
    about = row["message_id"] or row["provider_ref"] or "-"
    return f"{row['at'][:19]}  {row['connection']}  {row['kind']:<7}  {what}  to {row['to']}  {about}"
