"""Commands about connections."""

from collections.abc import Callable
from typing import Annotated
from urllib.parse import quote

import typer

from broker.cli import printing
from broker.cli.client import Api
from broker.cli.operators import open_api
from broker.cli.options import Data, Json, Login, Url

connections = typer.Typer(help="Connections to carriers.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(help="The connection's name.")]
Reason = Annotated[str, typer.Option(help="Why; it is kept, or logged.")]
Until = Annotated[
    str | None,
    typer.Option(help="When it ends by itself, as 2026-01-17T13:10:26Z.", show_default="when resumed"),
]


@connections.command("ls")
def list_connections(data: Data = None, url: Url = "", login: Login = "", json: Json = False) -> None:
    """List connections: their state, their rates, and how much waits for them."""
    for row in open_api(data, url, login).get("/v1/connections")["data"]:
        if printing.as_json(json):
            printing.line(row)
        else:
            rates = f"{row['mps'] or '-'}/{row['sender_mps'] or '-'} {row['mps_unit']}/s"
            print(
                f"{row['name']:<24} {row['state']:<7} {rates:<20} {row['waiting']:>9} wait  "
                + (f"until {row['until']}: " if row["until"] else "")
                + (f"circuit {row['circuit']}: " if row["circuit"] != "closed" else "")
                + row["reason"]
            )


def _stop(how: str, told: str) -> Callable[..., None]:
    """Return the command that stops a connection in one of the three ways."""

    @connections.command(how, help=told)
    def stop(
        name: Name,
        reason: Reason,
        until: Until = None,
        data: Data = None,
        url: Url = "",
        login: Login = "",
    ) -> None:
        _change(open_api(data, url, login), name, how, reason, until)

    return stop


pause = _stop(
    "pause", "Submit nothing over a connection until it is resumed; its messages go by another, or wait."
)
hold = _stop(
    "hold",
    "Submit nothing over a connection until it is resumed; its messages wait, also with another there.",
)
drain = _stop(
    "drain", "Let a connection finish what it was given; what is new goes by the other one of its route."
)


@connections.command("resume")
def resume(name: Name, reason: Reason, data: Data = None, url: Url = "", login: Login = "") -> None:
    """Go on submitting over a connection."""
    _change(open_api(data, url, login), name, "resume", reason)


@connections.command("reset-circuit")
def reset_circuit(name: Name, reason: Reason, data: Data = None, url: Url = "", login: Login = "") -> None:
    """Use a connection again at once that is left alone because its carrier failed."""
    _change(open_api(data, url, login), name, "reset-circuit", reason)


@connections.command("rate")
def rate(
    name: Name,
    reason: Reason,
    mps: Annotated[str | None, typer.Option(help="Of all, a second; none: as much as it can.")] = None,
    sender_mps: Annotated[str | None, typer.Option(help="Of each sender, a second, or none.")] = None,
    data: Data = None,
    url: Url = "",
    login: Login = "",
) -> None:
    """Let a connection carry so much a second; it takes effect at once."""
    given = {"mps": mps, "sender_mps": sender_mps}
    rates = {field: _number(text) for field, text in given.items() if text is not None}
    body = {**rates, "reason": reason}
    row = open_api(data, url, login).post(_path(name, "rate"), body, nulls=True)
    print(
        f"{name} carries {row['mps'] or 'any'} {row['mps_unit']} a second, {row['sender_mps'] or 'any'} each sender"
    )


@connections.command("test")
def try_out(
    name: Name,
    account: Annotated[str, typer.Option(help="The account that sends; it is charged.")],
    to: Annotated[str, typer.Option(help="Recipient.")],
    text: Annotated[str, typer.Option(help="The text.")] = "Test",
    from_: Annotated[str | None, typer.Option("--from", help="Sender, one of the account's.")] = None,
    data: Data = None,
    url: Url = "",
    login: Login = "",
) -> None:
    """Send a message over a connection, to try it."""
    body = {"account": account, "to": to, "text": text, "from": from_}
    print(open_api(data, url, login).post(_path(name, "test"), body)["id"])


def _change(api: Api, name: str, what: str, reason: str, until: str | None = None) -> None:
    row = api.post(_path(name, what), {"reason": reason, "until": until})
    state = row["state"].replace("_", " ") + (f" until {row['until']}" if row["until"] else "")
    print(f"{name} is {state}; {row['waiting']} messages wait for it")


def _path(name: str, what: str) -> str:
    return f"/v1/connections/{quote(name, safe='')}/{what}"


def _number(text: str) -> float | None:
    if text == "none":
        return None
    try:
        return float(text)
    except ValueError:
        raise typer.BadParameter(f"{text} is no number, and not none") from None
