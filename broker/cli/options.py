"""Options that several commands have."""

from pathlib import Path
from typing import Annotated

import typer

Json = Annotated[bool, typer.Option("--json", help="Print JSON lines, as into a pipe.")]
Url = Annotated[str, typer.Option(help="The API's address.", show_default="of the stack on the data folder")]
Key = Annotated[str, typer.Option(help="API key.", show_default="client.key in the data folder")]
Login = Annotated[
    str, typer.Option(help="Operator as name:password.", show_default="operator.key in the data folder")
]
Since = Annotated[str | None, typer.Option(help="Only from this time on, as 2026-01-17T13:10:26Z.")]
Until = Annotated[str | None, typer.Option(help="Only from before this time.")]
Most = Annotated[int, typer.Option(help="Most to list.", min=1)]
Mask = Annotated[bool, typer.Option(help="Hide the middle of numbers.")]
Direction = Annotated[str | None, typer.Option(help="Only in or out.")]
Status = Annotated[str | None, typer.Option(help="Only in this state.")]
Data = Annotated[Path | None, typer.Option(help="Data folder.", show_default="BROKER_DATA_DIR or .data")]
