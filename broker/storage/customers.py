"""Accounts as operators see them: without any secret."""

from sqlalchemy import Connection, select

from broker.domain.account import Account
from broker.domain.value import replace
from broker.storage import tables
from broker.storage.accounts import by_name

FINGERPRINT = 8
"""So much of a fingerprint is shown."""


def accounts(sql: Connection, *, after: str, limit: int) -> list[Account]:
    """Return accounts by their names, without hashes of passwords."""
    name = tables.accounts.c.name
    names = sql.execute(select(name).where(name > after).order_by(name).limit(limit)).scalars().all()
    found = [by_name(sql, one) for one in names]
    return [replace(one, password_hash="", callback_secret=None) for one in found if one is not None]


def names(sql: Connection, *, limit: int) -> list[str]:
    """Return the names of the first accounts."""
    name = tables.accounts.c.name
    return list(sql.execute(select(name).order_by(name).limit(limit)).scalars())


def account(sql: Connection, name: str) -> Account | None:
    """Return one account in the same way."""
    found = by_name(sql, name)
    return None if found is None else replace(found, password_hash="", callback_secret=None)


def has_password(sql: Connection, name: str) -> bool:
    """Say whether an account has a password."""
    found = sql.execute(
        select(tables.accounts.c.password_hash).where(tables.accounts.c.name == name)
    ).scalar()
    return bool(found)


def keys(sql: Connection, account: str) -> list[str]:
    """Return the beginnings of the fingerprints of an account's keys: enough to tell them apart, and no key."""
    k = tables.api_keys.c
    found = sql.execute(select(k.fingerprint).where(k.account == account).order_by(k.fingerprint)).scalars()
    return [one[:FINGERPRINT] for one in found]
