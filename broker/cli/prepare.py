"""Bring the database up to date, then apply the provisioning file."""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from broker.cli import provision
from broker.settings import Settings


def run(settings: Settings, file: Path | None) -> None:
    """Migrate the database of the settings and apply `file`, or the settings' own provisioning file.

    Raises:
        ConfigurationError: the file says something it should not.
    """
    chosen = file or settings.provision_file
    document = provision.load(chosen) if chosen else {}
    from broker.storage import schema

    started = time.monotonic()
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    schema.upgrade(settings.database)
    print(f"database up to date ({time.monotonic() - started:.1f} s)")
    if document:
        _apply(settings, document)
        print(f"applied {chosen}: {_counts(document)}")


def _apply(settings: Settings, document: Mapping[str, Any]) -> None:
    from broker.storage import provision as storage
    from broker.storage.database import Database

    database = Database(settings.database)
    try:
        secret_key = settings.secret_key.get_secret_value()
        database.write(lambda connection: storage.apply(connection, document, secret_key=secret_key))
    finally:
        database.close()


def _counts(document: Mapping[str, Any]) -> str:
    return ", ".join(f"{len(rows)} {name}" for name, rows in document.items() if name != "egress")
