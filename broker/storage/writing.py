"""Inserts that know what to do when the row is there already, on both databases."""

from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any

from sqlalchemy import Connection, Table
from sqlalchemy.dialects import postgresql, sqlite


def insert_into(connection: Connection, table: Table) -> Any:
    """Return an insert in the dialect of the connection, which can say what to do on a conflict."""
    return (postgresql if connection.dialect.name == "postgresql" else sqlite).insert(table)


def insert_ignore(connection: Connection, table: Table) -> Any:
    """Return an insert that leaves rows alone that are already there."""
    return insert_into(connection, table).on_conflict_do_nothing()


def bounded(key: str, most: int = 255) -> str:
    """Return a key that fits its column: as it is, or for a longer one a digest that is as good."""
    return key if len(key) <= most else sha256(key.encode()).hexdigest()


def upsert(
    connection: Connection, table: Table, values: Mapping[str, Any], *, once: Sequence[str] = ()
) -> None:
    """Insert a row or update it by its primary key; columns named in `once` keep the value they were born with."""
    insert = insert_into(connection, table).values(**values)
    keys = [column.name for column in table.primary_key.columns]
    changes = {name: insert.excluded[name] for name in values if name not in keys and name not in once}
    if changes:
        connection.execute(insert.on_conflict_do_update(index_elements=keys, set_=changes))
    else:
        connection.execute(insert.on_conflict_do_nothing())
