"""The command line."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from broker import __version__
from broker.errors import ConfigurationError
from broker.settings import Settings

app = typer.Typer(
    help="An asynchronous, queue-backed MMS/SMS message broker.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)

Data = Annotated[Path | None, typer.Option(help="Data folder.", show_default="BROKER_DATA_DIR or .data")]


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
    )
    command.check_host(options.host)
    raise typer.Exit(command.run(settings, options))


@app.command()
def prepare(
    provision: Annotated[Path | None, typer.Option(help="TOML with accounts, connections, routes.")] = None,
) -> None:
    """Bring the database up to date and apply the provisioning file."""
    from broker.cli import prepare as command

    command.run(Settings.load(), provision)


@app.command()
def version() -> None:
    """Print the version."""
    print(__version__)


def main() -> None:
    """Run the command line; what is wrong is said in a sentence."""
    try:
        app()
    except ConfigurationError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)


if __name__ == "__main__":
    main()
