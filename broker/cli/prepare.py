"""Bring the database up to date, then apply the provisioning file."""

import getpass
import os
import time
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from broker.cli import provision
from broker.errors import ConfigurationError
from broker.settings import Settings


def run(settings: Settings, file: Path | None) -> None:
    """Migrate the database of the settings and apply `file`, or the settings' own provisioning file.

    Raises:
        ConfigurationError: the file says something it should not, or the secret key is not the one it must be.
    """
    chosen = file or settings.provision_file
    document = provision.load(chosen) if chosen else {}
    from broker.storage import schema

    started = time.monotonic()
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    schema.upgrade(settings.database)
    print(f"database up to date ({time.monotonic() - started:.1f} s)")
    if chosen and document:
        _apply(settings, document, chosen)
        print(f"applied {chosen}: {_counts(document)}")


def _apply(settings: Settings, document: Mapping[str, Any], file: Path) -> None:
    from broker.domain.deed import Deed, Door
    from broker.storage import provision as storage
    from broker.storage.database import Database

    secret_key = _secret_key(settings)
    deed = Deed(operator=_person(), door=Door.COMMAND, action="provision", subject=file.name)
    database = Database(settings.database)
    try:
        database.write(partial(storage.apply_noted, document=document, secret_key=secret_key, deed=deed))
    finally:
        database.close()


def _secret_key(settings: Settings) -> str:
    """Return the key that the processes seal with: the settings' own, or the one that `up` keeps in the data folder.

    Raises:
        ConfigurationError: there is none. With another one, nobody could open what is sealed.
    """
    kept = settings.data_dir / "secret.key"
    found = settings.secret_key.get_secret_value() or (kept.read_text().strip() if kept.exists() else "")
    if not found:
        raise ConfigurationError(f"BROKER_SECRET_KEY is not set, and there is no {kept}")
    return found


def _person() -> str:
    """Return who gave the command, as the machine knows them."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user need not have a name
        return f"user {os.getuid()}"


def _counts(document: Mapping[str, Any]) -> str:
    return ", ".join(f"{len(rows)} {name}" for name, rows in document.items() if name != "egress")
