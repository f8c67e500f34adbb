"""Commands that show operators the audit, stored attachments and settings."""

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from broker.cli import printing
from broker.cli.operators import open_api
from broker.cli.options import Data, Json, Login, Url

Limit = Annotated[int, typer.Option(help="Most to list, the newest.", min=1)]


def audit(
    operator: Annotated[str | None, typer.Option(help="Only what this person did.")] = None,
    action: Annotated[str | None, typer.Option(help="Only this, as `connections pause`.")] = None,
    subject: Annotated[str | None, typer.Option(help="Only to this message, connection or account.")] = None,
    limit: Limit = 50,
    data: Data = None,
    url: Url = "",
    login: Login = "",
    json: Json = False,
) -> None:
    """List what people did and looked at, the newest first."""
    wanted = {"operator": operator, "action": action, "subject": subject}
    rows = open_api(data, url, login).rows("/v1/operators/audit", limit=limit, **wanted)
    printing.rows(rows, told_deed, json=json)


def attachments(
    account: Annotated[str | None, typer.Option(help="Only of this account.")] = None,
    type_: Annotated[
        str | None, typer.Option("--type", help="Only image, video, audio, text or application.")
    ] = None,
    limit: Limit = 50,
    data: Data = None,
    url: Url = "",
    login: Login = "",
    json: Json = False,
) -> None:
    """List stored files by message, the newest first."""
    rows = open_api(data, url, login).rows(
        "/v1/operators/attachments", limit=limit, account=account, type=type_
    )
    printing.rows(rows, told_files, json=json)


def settings(data: Data = None, url: Url = "", login: Login = "", json: Json = False) -> None:
    """List the settings of a running ingress, each with where it came from; secrets are not told."""
    found = open_api(data, url, login).get("/v1/operators/settings")
    printing.rows(found["data"], told_setting, json=json)


def told_deed(row: Mapping[str, Any]) -> str:
    """Return a deed in a line."""
    why = f": {row['reason']}" if row["reason"] else ""
    refused = f"  refused: {row['refused']}" if row["refused"] else ""
    return f"{row['at'][:19]}  {row['operator']}  {row['action']}  {row['subject']}{why}{refused}"


def told_files(row: Mapping[str, Any]) -> str:
    """Return a message and its files, one a line."""
    lines = [f"{row['created_at'][:19]}  {row['message_id']}  {row['account']}"]
    lines += [f"  {one['content_type']:<12}  {one['size']} bytes  {one['path']}" for one in row["files"]]
    return "\n".join(lines)


def told_setting(row: Mapping[str, Any]) -> str:
    """Return a setting in a line."""
    return f"{row['variable']:<40}  {row['value']}  ({row['origin']})"
