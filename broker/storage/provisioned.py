"""Tell what provisioning changed, by name and field and without any value."""

from collections.abc import Iterator, Mapping
from typing import Any

import orjson
from sqlalchemy import Connection, RowMapping, Table, select

from broker.storage.optout_tables import account_rules
from broker.storage.tables import accounts, api_keys, connections, inbound_numbers, operators, routes, senders
from broker.storage.vault import Vault

Standing = Mapping[str, Mapping[str, Mapping[str, Any]]]
"""By the file's tables and the names there: fields and what they say, as it is compared."""

_OF_OTHERS = frozenset(
    {"position", "held_at", "held_reason", "paused_at", "paused_reason", "paused_how", "paused_until"}
)
"""Columns of connections that are not the file's."""
_LISTS: Mapping[str, tuple[Table, str]] = {
    "api_keys": (api_keys, "fingerprint"),
    "senders": (senders, "address"),
    "inbound_numbers": (inbound_numbers, "address"),
}


def standing(connection: Connection, vault: Vault) -> Standing:
    """Return what is provisioned.

    Raises:
        ConfigurationError: it was sealed with another key.
    """
    found: dict[str, dict[str, dict[str, Any]]] = {
        "accounts": {row["name"]: dict(_account(row, vault)) for row in _rows(connection, accounts)},
        "connections": {row["name"]: dict(_connection(row, vault)) for row in _rows(connection, connections)},
        "routes": {f"{row['account']} {row['sender']}": dict(row) for row in _rows(connection, routes)},
        "operators": {row["name"]: _named(row) for row in _rows(connection, operators)},
    }
    for row in _rows(connection, account_rules):
        found["accounts"].get(row["account"], {}).update(row)
    for field, (table, column) in _LISTS.items():
        for row in _rows(connection, table):
            found["accounts"].get(row["account"], {}).setdefault(field, set()).add(
                (row[column], row.get("position"))
            )
    return found


def changes(before: Standing, after: Standing) -> dict[str, str]:
    """Return what is new and what is different, a sentence for each table of the file that changed."""
    told = {}
    for table, rows in after.items():
        said = [
            f"{name} is new" if name not in before[table] else f"{name}: {', '.join(fields)}"
            for name, row in rows.items()
            if (fields := _different(before[table].get(name, {}), row))
        ]
        if said:
            told[table] = "; ".join(said)
    return told


def _different(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    return sorted(name for name in {*before, *after} if before.get(name) != after.get(name))


def _rows(connection: Connection, table: Table) -> Iterator[RowMapping]:
    yield from connection.execute(select(table)).mappings()


def _named(row: RowMapping) -> dict[str, Any]:
    return {name.removesuffix("_hash"): value for name, value in row.items()}


def _account(row: RowMapping, vault: Vault) -> Iterator[tuple[str, Any]]:
    for name, value in _named(row).items():
        yield name, vault.open(value) if name == "callback_secret" and value else value


def _connection(row: RowMapping, vault: Vault) -> Iterator[tuple[str, Any]]:
    yield from ((name, value) for name, value in row.items() if name not in _OF_OTHERS | {"config"})
    yield from orjson.loads(vault.open(row["config"])).items()
