"""Databases that know somebody already: made once, since hashing passwords takes long, and copied."""

import json
import tempfile
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from argon2 import PasswordHasher

from broker.settings import Settings
from broker.storage import provision, schema
from broker.storage.database import Database, Sql
from broker.storage.tables import accounts, operators

_QUICK = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
"""A hash says what it costs to compare with: these are compared with in no time, by the same code."""


def prepare(settings: Settings, document: Mapping[str, Any]) -> None:
    """Make the database of a data folder, with the schema, and what a provisioning document says."""
    assert not settings.database_url, "only files can be copied"
    make(settings.data_dir / "broker.db", document, secret_key=settings.secret_key.get_secret_value())


def make(file: Path, document: Mapping[str, Any], *, secret_key: str) -> None:
    """Make a database with the schema, and what a provisioning document says."""
    file.write_bytes(_image(json.dumps(document), secret_key))


def make_empty(file: Path) -> None:
    """Make a database with the schema."""
    make(file, {}, secret_key="")


@cache
def _image(document: str, secret_key: str) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "broker.db"
        schema.upgrade(f"sqlite:///{file}")
        if said := json.loads(document):
            database = Database(f"sqlite:///{file}")
            database.write(lambda sql: provision.apply(sql, said, secret_key=secret_key))
            database.write(lambda sql: _ease(sql, said))
            database.close()
        return file.read_bytes()


def _ease(sql: Sql, said: Mapping[str, Any]) -> None:
    """Give those who sign in with a password a hash that costs less than a tenth of a second of a processor."""
    for table, name in ((accounts, "accounts"), (operators, "operators")):
        for row in said.get(name, ()):
            if row.get("password"):
                quick = _QUICK.hash(row["password"])
                sql.execute(table.update().where(table.c.name == row["name"]).values(password_hash=quick))
