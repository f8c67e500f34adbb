"""Provisioning says what is, can be said again, and shows no secret at rest."""

from collections.abc import Sequence
from typing import Any

import pytest
from sqlalchemy import Connection, text

from broker.errors import ConfigurationError
from broker.storage import accounts, provision
from broker.storage.database import Database
from broker.storage.tables import metadata
from broker.storage.vault import Vault, fingerprint

SECRET_KEY = "a secret key that is long enough to be one"
DOCUMENT: dict[str, Sequence[dict[str, Any]]] = {
    "accounts": [
        {
            "name": "acme",
            "password": "a canary password",
            "api_keys": ["a canary key"],
            "senders": ["+12025550150", "+12025550151"],
            "inbound_numbers": ["+12025550150"],
            "callback_secret": "whsec_a_canary",
            "credit": 500,
        }
    ],
    "connections": [
        {
            "name": "bandwidth-1",
            "provider": "bandwidth",
            "base_url": "http://127.0.0.1:9/api/v2",
            "client_secret": "a canary client secret",
            "senders": ["+12025550150"],
        }
    ],
    "routes": [{"account": "acme", "sender": "+12025550150", "connection": "bandwidth-1"}],
    "operators": [{"name": "ops", "password": "a canary operator", "role": "admin"}],
}


def apply(database: Database, document: dict[str, Any] = DOCUMENT) -> None:
    database.write(lambda sql: provision.apply(sql, document, secret_key=SECRET_KEY))


def test_an_account_is_found_by_key_and_by_name(database: Database) -> None:
    apply(database)
    by_key = database.read(lambda sql: accounts.by_key(sql, fingerprint(SECRET_KEY, "a canary key")))
    assert by_key is not None
    assert by_key == database.read(lambda sql: accounts.by_name(sql, "acme"))
    assert by_key.senders == ("+12025550150", "+12025550151")
    assert database.read(lambda sql: accounts.by_key(sql, fingerprint(SECRET_KEY, "another"))) is None


def test_applying_again_changes_nothing_and_leaves_credit_alone(database: Database) -> None:
    apply(database)
    before = database.read(everything)
    apply(database, {**DOCUMENT, "accounts": [{**DOCUMENT["accounts"][0], "credit": 9}]})
    after = database.read(everything)
    changing = {"accounts.callback_secret", "connections.config"}  # sealed anew, with other random bytes
    assert {k: v for k, v in after.items() if k not in changing} == {
        k: v for k, v in before.items() if k not in changing
    }


def test_a_sender_is_fixed_for_as_long_as_the_document_says_so(database: Database) -> None:
    for row, fixed in (({"fixed_sender": True}, True), ({}, False)):
        apply(database, {**DOCUMENT, "accounts": [{**DOCUMENT["accounts"][0], **row}]})
        account = database.read(lambda sql: accounts.by_name(sql, "acme"))
        assert account is not None
        assert account.fixed_sender is fixed


def test_no_secret_rests_in_the_clear(database: Database) -> None:
    apply(database)
    assert "canary" not in str(database.read(everything))


def test_credentials_are_read_back_with_the_key_and_with_no_other(database: Database) -> None:
    apply(database)
    known = database.read(lambda sql: accounts.all_connections(sql, Vault(SECRET_KEY)))
    assert known[0].config["client_secret"] == "a canary client secret"
    with pytest.raises(ConfigurationError):
        database.read(lambda sql: accounts.all_connections(sql, Vault("another secret key")))


def test_a_number_that_is_no_longer_named_is_no_longer_the_accounts(database: Database) -> None:
    apply(database)
    apply(database, {"accounts": [{"name": "acme", "senders": ["+12025550199"]}]})
    account = database.read(lambda sql: accounts.by_name(sql, "acme"))
    assert account is not None
    assert (account.senders, account.inbound_numbers) == (("+12025550199",), ())


def everything(sql: Connection) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {}
    for table in metadata.tables:
        for row in sql.execute(text(f"SELECT * FROM {table}")).mappings():
            for name, value in row.items():
                found.setdefault(f"{table}.{name}", []).append(value)
    return found


def test_who_says_anything_about_being_told_has_a_plan(database: Database) -> None:
    plain = {"name": "plain", "senders": []}
    zoned = {"name": "zoned", "senders": [], "timezone": "America/New_York"}
    replies = {"name": "replies", "senders": [], "callback_dialect": "ozeki", "callback_replies": True}
    apply(database, {"accounts": [plain, zoned, replies]})
    plans = database.read(lambda sql: accounts.callback_plans(sql, Vault(SECRET_KEY).open))
    assert plans.keys() == {"zoned", "replies"}
    assert (plans["zoned"].manner.timezone, plans["zoned"].manner.replies) == ("America/New_York", False)
    assert (plans["replies"].manner.timezone, plans["replies"].manner.replies) == ("UTC", True)
