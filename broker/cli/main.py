"""The command line."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from broker import __version__
from broker.cli import printing
from broker.cli.bench import bench
from broker.cli.books import ledger
from broker.cli.chaos.command import chaos
from broker.cli.client import Api, Refused, Unreachable
from broker.cli.connections import connections
from broker.cli.erasures import erase, erasures
from broker.cli.folder import Folder
from broker.cli.insight import attachments, audit
from broker.cli.insight import settings as show_settings
from broker.cli.journal import journal
from broker.cli.letters import dead
from broker.cli.operators import open_api
from broker.cli.options import Data, Direction, Json, Key, Login, Mask, Status, Url
from broker.cli.optouts import opt_outs
from broker.cli.status import status as glance
from broker.cli.untold import untold
from broker.cli.workers import workers
from broker.errors import ConfigurationError
from broker.settings import Settings

app = typer.Typer(
    help="An asynchronous, queue-backed MMS/SMS message broker.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
listing = typer.Typer(help="Look messages up.", no_args_is_help=True)
app.add_typer(listing, name="messages")
app.add_typer(untold, name="callbacks")
app.add_typer(connections, name="connections")
app.add_typer(journal, name="webhooks")
app.add_typer(opt_outs, name="opt-outs")
app.add_typer(dead, name="dead")
app.add_typer(workers, name="workers")

WRONG_USE, UNREACHABLE = 2, 4
_CODES = {ConfigurationError: WRONG_USE, Refused: 1, Unreachable: UNREACHABLE}


@app.command()
def up(
    data: Data = None,
    provision: Annotated[Path | None, typer.Option(help="TOML with accounts, connections, routes.")] = None,
    port: Annotated[
        int | None, typer.Option(help="Port of the API; 0: any that is free.", show_default="8080")
    ] = None,
    host: Annotated[str | None, typer.Option(help="Address of the API.", show_default="127.0.0.1")] = None,
    simulator: Annotated[bool, typer.Option(help="Run a make-believe carrier too.")] = True,
    flower: Annotated[bool, typer.Option(help="Run Flower too.")] = True,
    ingresses: Annotated[
        int, typer.Option(help="How many ingress processes, each on its own port.", min=1)
    ] = 1,
) -> None:
    """Start everything on one folder and keep it running."""
    from broker.cli import up as command

    settings = Settings.load()
    options = command.Options(
        data=data or settings.data_dir,
        provision=provision or settings.provision_file,
        host=settings.host if host is None else host,
        port=settings.port if port is None else port,
        simulator=simulator,
        flower=flower,
        ingresses=ingresses,
    )
    command.check_host(options.host)
    raise typer.Exit(command.run(settings, options))


@app.command()
def demo(
    once: Annotated[
        bool, typer.Option("--once", help="Check every end, stop everything, exit 0 or 1.")
    ] = False,
    data: Data = None,
    port: Annotated[
        int | None, typer.Option(help="Port of the API; 0: any that is free.", show_default="8080")
    ] = None,
) -> None:
    """Start everything with a make-believe carrier, play a scene, and stay up."""
    from broker.cli import demo as command

    folder = data if once else data or Settings.load().data_dir
    raise typer.Exit(command.run(folder, once=once, port=port))


@app.command()
def prepare(
    provision: Annotated[Path | None, typer.Option(help="TOML with accounts, connections, routes.")] = None,
    data: Data = None,
) -> None:
    """Bring the database up to date and apply the provisioning file."""
    from broker.cli import prepare as command

    settings = Settings.load()
    command.run(settings.model_copy(update={"data_dir": data or settings.data_dir}), provision)


@app.command()
def flower(
    port: Annotated[int, typer.Option(help="Port to listen on.")] = 5555,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
) -> None:
    """Run Flower, the view of the Celery queues, as user ops."""
    from broker.cli import flower as command

    command.become(Settings.load(), host=host, port=port)


@app.command()
def doctor(data: Data = None, json: Json = False) -> None:
    """Look everything over and say what to do about what is wrong."""
    from broker.cli import doctor as command

    settings = Settings.load()
    raise typer.Exit(command.run(Folder(data or settings.data_dir), settings, json=json))


@app.command()
def send(
    to: Annotated[list[str], typer.Option(help="Recipient; may be given several times.")],
    from_: Annotated[str | None, typer.Option("--from", help="Sender, one of the account's.")] = None,
    text: Annotated[str | None, typer.Option(help="The text.")] = None,
    subject: Annotated[str | None, typer.Option(help="Subject of a multimedia message.")] = None,
    media: Annotated[
        list[str] | None, typer.Option(help="File, URL, or id:ID of an upload; several times.")
    ] = None,
    group: Annotated[bool, typer.Option("--group", help="One conversation with all recipients.")] = False,
    priority: Annotated[str | None, typer.Option(help="high, normal or bulk.")] = None,
    reference: Annotated[str | None, typer.Option(help="Your own id for it.")] = None,
    wait: Annotated[float, typer.Option(help="Follow it for so many seconds.")] = 0,
    data: Data = None,
    url: Url = "",
    key: Key = "",
    json: Json = False,
) -> None:
    """Send a message."""
    from broker.cli import messages as command

    outgoing = command.Outgoing(
        to=to,
        originator=from_,
        text=text,
        subject=subject,
        media=media or [],
        group=group,
        priority=priority,
        reference=reference,
    )
    fine = command.send(_api(data, url, key), outgoing, wait_s=wait, json=json)
    raise typer.Exit(0 if fine else 1)


@app.command()
def tail(
    direction: Direction = None,
    status: Status = None,
    mask: Mask = True,
    data: Data = None,
    url: Url = "",
    key: Key = "",
    json: Json = False,
) -> None:
    """Print messages as they come and change."""
    from broker.cli import messages as command

    filters = {"direction": direction, "status": status}
    command.tail(_api(data, url, key), filters, mask=mask, json=json)


@listing.command("ls")
def list_messages(
    direction: Direction = None,
    status: Status = None,
    to: Annotated[str | None, typer.Option(help="Only to this address.")] = None,
    from_: Annotated[str | None, typer.Option("--from", help="Only from this address.")] = None,
    reference: Annotated[str | None, typer.Option(help="Only with this id of yours.")] = None,
    tag: Annotated[str | None, typer.Option(help="Only with this tag: its name, or name=value.")] = None,
    cursor: Annotated[str | None, typer.Option(help="Where the last page ended.")] = None,
    limit: Annotated[int, typer.Option(help="Most to list.", min=1, max=200)] = 20,
    mask: Mask = True,
    data: Data = None,
    url: Url = "",
    key: Key = "",
    json: Json = False,
) -> None:
    """List messages, newest first."""
    from broker.cli import messages as command

    filters = {
        "direction": direction,
        "status": status,
        "to": to,
        "from_": from_,
        "reference": reference,
        "tag": tag,
        "cursor": cursor,
        "limit": limit,
    }
    command.show_page(_api(data, url, key), filters, mask=mask, json=json)


@listing.command("show")
def show_message(
    message_id: Annotated[str, typer.Argument(help="The message's id.")],
    data: Data = None,
    url: Url = "",
    key: Key = "",
    json: Json = False,
) -> None:
    """Show all that is known of one message."""
    message = _api(data, url, key).message(message_id)
    if printing.as_json(json):
        printing.line(message)
    else:
        print(printing.story(message))


@app.command("log")
def show_log(
    connection: Annotated[str, typer.Argument(help="The connection's name.")],
    message: Annotated[str | None, typer.Option(help="Only what is about this message.")] = None,
    since: Annotated[
        str | None, typer.Option(help="Only from this time on, as 2026-01-17T13:10:26Z.")
    ] = None,
    direction: Annotated[str | None, typer.Option(help="Only out or in, seen from us.")] = None,
    level: Annotated[str | None, typer.Option(help="Only from this level on: WARN or ERROR.")] = None,
    limit: Annotated[int, typer.Option(help="Most entries to print, the newest.", min=1)] = 50,
    follow: Annotated[bool, typer.Option("--follow", help="Go on with what happens.")] = False,
    data: Data = None,
    url: Url = "",
    login: Login = "",
    json: Json = False,
) -> None:
    """Show what was said over a connection, without secrets and content."""
    from broker.cli import logbook as command

    wanted = {"message": message, "since": since, "direction": direction, "level": level}
    api = open_api(data, url, login)
    command.show(api, connection, wanted, limit=limit, follow=follow, json=json)


for command in (bench, erase, erasures, chaos, ledger, audit, attachments):
    app.command()(command)
app.command("status")(glance)
app.command("settings")(show_settings)


@app.command()
def billing(
    account: Annotated[str, typer.Option(help="Whose messages.")],
    from_: Annotated[
        str | None,
        typer.Option("--from", help="Accepted from then on: a day of the account's zone, or a time."),
    ] = None,
    to: Annotated[str | None, typer.Option(help="Accepted before then.")] = None,
    data: Data = None,
) -> None:
    """Print what is billed for each message of an account, as CSV."""
    from broker.cli import billing as command

    command.export(Settings.load(), data, account=account, since=from_, until=to)


@app.command()
def version() -> None:
    """Print the version."""
    print(__version__)


def _api(data: Path | None, url: str, key: str) -> Api:
    return Api.of(Folder(data or Settings.load().data_dir), url=url, key=key)


def main() -> None:
    """Run the command line; what is wrong is said in a sentence."""
    try:
        app(prog_name="./run")
    except (ConfigurationError, Refused, Unreachable) as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(_CODES[type(error)])


if __name__ == "__main__":
    main()
