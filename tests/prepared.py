"""Databases that know somebody already: made once, since hashing passwords takes long, and copied."""

import json
import tempfile
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from argon2 import PasswordHasher

from broker.settings import Settings
from broker.storage import provision, schema
from broker.storage.database import Database, Sql
from broker.storage.tables import accounts, operators

_QUICK = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
"""A hash says what it costs to compare with: these cost next to nothing, with the same code."""


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
            database.write(lambda sql: apply(sql, said, secret_key=secret_key))
            database.close()
        return file.read_bytes()


def apply(sql: Sql, document: Mapping[str, Any], *, secret_key: str) -> None:
    """Apply a provisioning document, but hash passwords of customers quickly."""
    said = _passwords(document.get("accounts", ()))
    rows = [
        {key: kept for key, kept in row.items() if key != "password"} for row in document.get("accounts", ())
    ]
    provision.apply(sql, {**document, "accounts": rows}, secret_key=secret_key)
    for table, passwords in ((accounts, said), (operators, _passwords(document.get("operators", ())))):
        for name, password in passwords.items():
            if password:
                hashed = _QUICK.hash(password)
                sql.execute(table.update().where(table.c.name == name).values(password_hash=hashed))


def _passwords(rows: Sequence[Mapping[str, Any]]) -> dict[str, str | None]:
    return {row["name"]: row.get("password") for row in rows}
