"""Commands about opt-outs."""

import csv
import sys
from collections.abc import Mapping
from typing import Annotated, Any

import typer

from broker.cli import printing
from broker.cli.operators import open_api
from broker.cli.options import Data, Json, Login, Url
from broker.domain.bill import harmless

opt_outs = typer.Typer(help="Who wants nothing more of a sender.", no_args_is_help=True)

_PATH = "/v1/operators/opt-outs"
_COLUMNS = ("at", "account", "sender", "recipient", "who", "reason", "message_id", "text")

_FREE = frozenset({"reason", "text"})
"""What anybody may have written: nothing in it may be a formula."""

Account = Annotated[str | None, typer.Option(help="Only of this account.")]
Sender = Annotated[str | None, typer.Option(help="Only of this sender.")]
Recipient = Annotated[str | None, typer.Option(help="Only of this recipient.")]
Changes = Annotated[bool, typer.Option("--changes", help="Everything that was changed, not what holds now.")]
Reason = Annotated[str, typer.Option(help="Why; it is kept.")]


@opt_outs.command("ls")
def list_opt_outs(
    account: Account = None,
    sender: Sender = None,
    recipient: Recipient = None,
    changes: Changes = False,
    data: Data = None,
    url: Url = "",
    login: Login = "",
    json: Json = False,
) -> None:
    """List opt-outs, oldest first."""
    wanted = {"account": account, "sender": sender, "recipient": recipient}
    printing.rows(open_api(data, url, login).rows(_path(changes), limit=None, **wanted), _told, json=json)


@opt_outs.command("export")
def export(
    account: Account = None,
    sender: Sender = None,
    recipient: Recipient = None,
    changes: Changes = False,
    data: Data = None,
    url: Url = "",
    login: Login = "",
) -> None:
    """Write opt-outs to the standard output as CSV, with their proof."""
    columns = ("wish", *_COLUMNS) if changes else _COLUMNS
    writer = csv.writer(sys.stdout, lineterminator="\r\n")
    writer.writerow(columns)
    wanted = {"account": account, "sender": sender, "recipient": recipient}
    for row in open_api(data, url, login).rows(_path(changes), limit=None, **wanted):
        writer.writerow([harmless(row[name]) if name in _FREE else row[name] for name in columns])


@opt_outs.command("add")
def add(
    sender: Annotated[str, typer.Argument(help="One of an account's senders.")],
    recipient: Annotated[str, typer.Argument(help="Who wants nothing more of it.")],
    reason: Reason,
    account: Annotated[str | None, typer.Option(help="Whose sender, where several share it.")] = None,
    data: Data = None,
    url: Url = "",
    login: Login = "",
) -> None:
    """Send nothing more from a sender to a recipient."""
    body = {"sender": sender, "recipient": recipient, "reason": reason, "account": account}
    done = open_api(data, url, login).post(_PATH, body)["changed"]
    print("nothing more is sent" if done else "it was so already")


@opt_outs.command("remove")
def remove(
    sender: Annotated[str, typer.Argument(help="One of an account's senders.")],
    recipient: Annotated[str, typer.Argument(help="Who may get messages of it again.")],
    reason: Reason,
    data: Data = None,
    url: Url = "",
    login: Login = "",
) -> None:
    """Send from a sender to a recipient again."""
    body = {"sender": sender, "recipient": recipient, "reason": reason}
    open_api(data, url, login).post(f"{_PATH}/remove", body)
    print("messages may be sent again")


def _path(changes: bool) -> str:
    return f"{_PATH}/changes" if changes else _PATH


def _told(row: Mapping[str, Any]) -> str:
    what, why = row.get("wish", "stop"), row["reason"] or row["text"]
    return f"{row['at'][:19]}  {what:<5}  {row['sender']} {row['recipient']}  {row['who']}  {why}"
