"""The data folder has one user at a time, and keeps secrets to it."""

import json
import os
from pathlib import Path

import pytest

from broker.cli import demo_account, provision
from broker.cli.folder import Folder
from broker.errors import ConfigurationError


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    """A folder that is taken."""
    folder = Folder(tmp_path / "data")
    folder.open()
    return folder


def test_a_folder_in_use_is_refused_and_its_user_named(folder: Folder) -> None:
    with pytest.raises(ConfigurationError, match=rf"in use by another `up` \(process {os.getpid()}\)"):
        Folder(folder.path).open()
    assert Folder(folder.path).holder() == os.getpid()


def test_a_folder_that_was_left_can_be_taken_again(folder: Folder) -> None:
    folder.close()
    other = Folder(folder.path)
    assert other.holder() is None
    other.open()
    other.close()


def test_a_secret_is_made_once_and_for_its_owner_only(folder: Folder) -> None:
    secret = folder.secret("secret.key")
    assert len(secret) >= 32
    assert folder.secret("secret.key") == secret
    assert (folder.path / "secret.key").stat().st_mode & 0o777 == 0o600


def test_endpoints_are_there_only_while_the_stack_is_up(folder: Folder) -> None:
    folder.publish({"ingress": "http://127.0.0.1:8080"})
    assert Folder(folder.path).read_endpoints() == {"ingress": "http://127.0.0.1:8080"}
    folder.close()
    assert Folder(folder.path).read_endpoints() == {}


def test_ports_are_remembered(folder: Folder) -> None:
    assert folder.ports() == {}
    folder.keep_ports({"redis": 40001})
    assert Folder(folder.path).ports() == {"redis": 40001}


def test_the_demo_account_keeps_its_secrets_and_follows_the_simulator(folder: Folder) -> None:
    first = provision.load(folder.path / demo_account.write(folder, simulator=9100))
    second = provision.load(folder.path / demo_account.write(folder, simulator=9101))
    assert first["accounts"] == second["accounts"]
    assert second["connections"][0]["media_hosts"] == ["127.0.0.1:9101"]
    assert (folder.path / "demo.toml").stat().st_mode & 0o777 == 0o600
    assert json.loads((folder.path / "demo.key").read_text()).keys() >= {"password", "api_key"}
