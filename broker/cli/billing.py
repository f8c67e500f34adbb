"""The command that prints bills."""

import os
import sys
from datetime import datetime
from functools import partial
from pathlib import Path
from zoneinfo import ZoneInfo

from broker.cli.folder import Folder
from broker.domain.bill import BillingQuery, csv_text, moment
from broker.domain.value import replace
from broker.errors import ConfigurationError
from broker.settings import Settings
from broker.storage import accounts, billing
from broker.storage.database import Database

_PAGE = 500


def export(
    settings: Settings, data: Path | None, *, account: str, since: str | None, until: str | None
) -> None:
    """Write an account's bills to the standard output as CSV, page by page, so that any number fits.

    Raises:
        ConfigurationError: there is no such account, or no such time.
    """
    database = Database(_url(settings, data))
    try:
        known = database.read(partial(accounts.by_name, name=account))
        if known is None:
            raise ConfigurationError(f"there is no account {account}")
        zone = ZoneInfo(known.timezone)
        _write(
            database,
            account,
            BillingQuery(since=_moment(since, zone), until=_moment(until, zone), limit=_PAGE),
        )
    finally:
        database.close()


def _write(database: Database, account: str, query: BillingQuery) -> None:
    head = True
    try:
        while head or query.after is not None:
            bills, after = database.read(partial(billing.page, account=account, query=query))
            sys.stdout.write(csv_text(bills, head=head))
            head, query = False, replace(query, after=after)
        sys.stdout.flush()
    except BrokenPipeError:  # whoever reads has read enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _url(settings: Settings, data: Path | None) -> str:
    """Return the database of the stack that runs on the folder, else that of the settings."""
    folder = data or settings.data_dir
    told = Folder(folder).read_endpoints().get("database")
    return str(told) if told else settings.model_copy(update={"data_dir": folder}).database


def _moment(text: str | None, zone: ZoneInfo) -> datetime | None:
    try:
        return None if text is None else moment(text, zone)
    except ValueError:
        raise ConfigurationError(f"{text} is no date and no time as 2026-01-17T13:10:26Z") from None
