"""Write a provisioning document: accounts, connections, routes, operators."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import orjson
from argon2 import PasswordHasher
from argon2.exceptions import VerificationError
from sqlalchemy import Connection, Table, delete, select

from broker.domain.deed import Deed
from broker.domain.value import replace
from broker.storage import audit, callbacks, credit, provisioned, rules
from broker.storage.tables import (
    accounts,
    api_keys,
    connections,
    inbound_numbers,
    operators,
    routes,
    senders,
)
from broker.storage.vault import Vault, fingerprint
from broker.storage.writing import upsert

Row = Mapping[str, Any]
_OWN_COLUMNS = frozenset({"name", "provider", "senders", "media_hosts", "mps", "sender_mps", "mps_unit"})


def apply(connection: Connection, document: Mapping[str, Sequence[Row]], *, secret_key: str) -> None:
    """Make the record say what the document says; safe to apply again.

    What the document does not name stays as it is. `credit` is set only for an account that is new. The document is
    checked already, and has the shape of DESIGN section 8.
    """
    vault = Vault(secret_key)
    for row in document.get("accounts", ()):
        _account(connection, row, vault, secret_key)
    first = len(connection.execute(select(connections.c.name)).all())
    for position, row in enumerate(document.get("connections", ())):
        _connection(connection, row, vault, position=first + position)
    for row in document.get("routes", ()):
        upsert(
            connection,
            routes,
            {
                "account": row["account"],
                "sender": row["sender"],
                "connection": row["connection"],
                "fallback": row.get("fallback"),
            },
        )
    for row in document.get("operators", ()):
        was = _hash_of(connection, operators, row["name"])
        values = {"name": row["name"], "password_hash": _hashed(row["password"], was), "role": row["role"]}
        upsert(connection, operators, values)


def apply_noted(
    connection: Connection, document: Mapping[str, Sequence[Row]], *, secret_key: str, deed: Deed
) -> dict[str, str]:
    """Apply a document, and write `deed` down with what it changed, if it changed anything; return that.

    Raises:
        ConfigurationError: what is provisioned was sealed with another key; nothing is changed.
    """
    vault = Vault(secret_key)
    before = provisioned.standing(connection, vault)
    apply(connection, document, secret_key=secret_key)
    changed = provisioned.changes(before, provisioned.standing(connection, vault))
    if changed:
        noted = replace(deed, details={**deed.details, **changed})
        audit.note(connection, noted, at=datetime.now(UTC))
    return changed


def _account(connection: Connection, row: Row, vault: Vault, secret_key: str) -> None:
    name = row["name"]
    secret = " ".join(row[key] for key in ("callback_secret", "next_callback_secret") if row.get(key))
    told_at = connection.execute(select(accounts.c.callback_url).where(accounts.c.name == name)).scalar()
    password = row.get("password")
    values = {
        "name": name,
        "password_hash": _hashed(password, _hash_of(connection, accounts, name)) if password else "",
        "callback_url": row.get("callback_url"),
        "callback_secret": vault.seal(secret) if secret else None,
        "callback_dialect": row.get("callback_dialect", "native"),
        "inbound_mode": row.get("inbound_mode"),
        "callback_replies": row.get("callback_replies"),
        "date_form": row.get("date_form"),
        "fixed_sender": row.get("fixed_sender"),
        "mms": row.get("mms", True),
        "allowed_ips": orjson.dumps(list(row.get("allowed_ips") or ())).decode(),
        "daily_limit": row.get("daily_limit"),
        "monthly_limit": row.get("monthly_limit"),
        "unknown_policy": row.get("unknown_policy", "resend"),
        "timezone": row.get("timezone", "UTC"),
        "quiet_hours": row.get("quiet_hours"),
        "country": row.get("country", "US"),
    }
    is_new = connection.execute(select(accounts.c.name).where(accounts.c.name == name)).first() is None
    upsert(connection, accounts, values)
    rules.provide(connection, name, row)
    if is_new and row.get("credit") is not None:
        credit.provide(connection, name, row["credit"], at=datetime.now(UTC))
    if told_at:
        callbacks.resume(connection, name, told_at, to=row.get("callback_url"))
    connection.execute(delete(api_keys).where(api_keys.c.account == name))
    for key in row.get("api_keys") or ():
        upsert(connection, api_keys, {"fingerprint": fingerprint(secret_key, key), "account": name})
    connection.execute(delete(senders).where(senders.c.account == name))
    for position, address in enumerate(row.get("senders") or ()):
        upsert(connection, senders, {"account": name, "address": address, "position": position})
    connection.execute(delete(inbound_numbers).where(inbound_numbers.c.account == name))
    for address in row.get("inbound_numbers") or ():
        upsert(connection, inbound_numbers, {"address": address, "account": name})


def _connection(connection: Connection, row: Row, vault: Vault, *, position: int) -> None:
    config = {name: value for name, value in row.items() if name not in _OWN_COLUMNS}
    values = {
        "name": row["name"],
        "position": position,
        "provider": row["provider"],
        "senders": orjson.dumps(list(row.get("senders") or ())).decode(),
        "media_hosts": orjson.dumps(list(row.get("media_hosts") or ())).decode(),
        "mps": row.get("mps"),
        "sender_mps": row.get("sender_mps"),
        "mps_unit": row.get("mps_unit", "messages"),
        "config": vault.seal(orjson.dumps(config).decode()),
        "held_at": None,
        "held_reason": "",
    }
    upsert(connection, connections, values, once=("position",))


def _hash_of(connection: Connection, table: Table, name: str) -> str:
    return connection.execute(select(table.c.password_hash).where(table.c.name == name)).scalar() or ""


def _hashed(password: str, was: str) -> str:
    """Return the hash of a password: the one we have, where it still fits."""
    hasher = PasswordHasher()
    try:
        if was and hasher.verify(was, password):
            return was
    except VerificationError:
        pass
    return hasher.hash(password)
