"""The API as an operator asks it."""

from pathlib import Path

from broker.cli.client import Api
from broker.cli.folder import Folder
from broker.settings import Settings


def open_api(data: Path | None, url: str, login: str) -> Api:
    """Return the API of the stack on a data folder, or at an address, for the folder's operator or the one given.

    Raises:
        Unreachable: nothing runs there.
    """
    return Api.of_operators(Folder(data or Settings.load().data_dir), url=url, login=login)
