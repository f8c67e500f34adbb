"""`prepare` applies a file under the key that the processes seal with, and notes who changed what."""

import getpass
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from broker.cli import prepare
from broker.cli.folder import Folder
from broker.domain.deed import DeedQuery, Door, Noted
from broker.errors import ConfigurationError
from broker.settings import Settings
from broker.storage import accounts, audit
from broker.storage.database import Database
from broker.storage.vault import Vault

FILE = """
[[accounts]]
name = "acme"
password = "a canary password"
api_keys = ["a canary key"]
senders = ["+12025550150"]
inbound_numbers = ["+12025550150"]
callback_secret = "whsec_Y2FuYXJ5"
stop_answer = "You will hear no more."

[[connections]]
name = "bandwidth-1"
provider = "bandwidth"
client_id = "client"
client_secret = "a canary secret"
account_id = "9900000"
application_id = "app"

[[routes]]
account = "acme"
sender = "+12025550150"
connection = "bandwidth-1"

[[operators]]
name = "oscar"
password = "a canary operator"
role = "operator"
"""

Make = Callable[..., Settings]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    one = tmp_path / "carrier.toml"
    one.write_text(FILE)
    return one


def asked(settings: Settings, job: Callable[..., Any]) -> Any:
    with closing(Database(settings.database)) as database:
        return database.read(job)


def noted(settings: Settings) -> list[Noted]:
    return list(asked(settings, lambda sql: audit.page(sql, DeedQuery())[0]))


def test_the_audit_says_who_changed_what_by_name_and_holds_no_secret(settings: Settings, file: Path) -> None:
    prepare.run(settings, file)
    (first,) = noted(settings)
    assert (first.operator, first.door, first.action) == (getpass.getuser(), Door.COMMAND, "provision")
    assert first.subject == "carrier.toml"
    assert first.details == {
        "accounts": "acme is new",
        "connections": "bandwidth-1 is new",
        "routes": "acme +1202***0150 is new",
        "operators": "oscar is new",
    }
    changed = (
        FILE.replace("a canary password", "another canary")
        .replace("a canary key", "other canary")
        .replace("a canary secret", "next canary")
        .replace("no more.", "nothing.")
        .replace('senders = ["+12025550150"]', 'senders = ["+12025550150", "+12025550151"]')
        .replace('role = "operator"', 'role = "admin"')
    )
    file.write_text(changed)
    prepare.run(settings, file)
    (second, _) = noted(settings)
    assert second.details == {
        "accounts": "acme: api_keys, password, senders, stop_answer",
        "connections": "bandwidth-1: client_secret",
        "operators": "oscar: role",
    }
    for row in (first, second):
        assert "canary" not in str(row)
        assert "+12025550150" not in str(row)


def test_what_changes_nothing_is_no_deed(settings: Settings, file: Path) -> None:
    prepare.run(settings, file)
    prepare.run(settings, file)
    prepare.run(settings, None)
    assert len(noted(settings)) == 1


def test_the_key_that_up_keeps_in_the_data_folder_is_used_where_none_is_set(
    make_settings: Make, data_dir: Path, file: Path
) -> None:
    kept = Folder(data_dir).secret("secret.key")
    settings = make_settings(secret_key="")
    prepare.run(settings, file)
    (one,) = asked(settings, lambda sql: accounts.all_connections(sql, Vault(kept)))
    assert one.config["client_secret"] == "a canary secret"


def test_without_any_key_nothing_is_applied(make_settings: Make, data_dir: Path, file: Path) -> None:
    settings = make_settings(secret_key="")
    with pytest.raises(
        ConfigurationError, match=r"BROKER_SECRET_KEY is not set, and there is no .*secret\.key"
    ):
        prepare.run(settings, file)
    assert asked(settings, accounts.usages) == []
    assert not (data_dir / "secret.key").exists()


def test_under_another_key_than_the_one_before_nothing_is_changed(
    settings: Settings, make_settings: Make, file: Path
) -> None:
    """Else the processes that run could open nothing any more."""
    prepare.run(settings, file)
    other = make_settings(secret_key="another key of thirty-two characters or more")
    file.write_text(FILE.replace('role = "operator"', 'role = "admin"'))
    with pytest.raises(ConfigurationError, match="sealed with another BROKER_SECRET_KEY"):
        prepare.run(other, file)
    key = settings.secret_key.get_secret_value()
    assert asked(settings, lambda sql: accounts.all_connections(sql, Vault(key)))
    assert len(noted(settings)) == 1
