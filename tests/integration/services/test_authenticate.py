"""Who a request comes from, by a real record, also while that is away."""

from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from broker.dialects.base import Credentials
from broker.errors import AddressNotAllowed, AuthenticationFailed, Busy
from broker.keyspace.client import open_async
from broker.keyspace.guesses import Guesses
from broker.services.authenticate import FRESH_S, Authenticator
from broker.services.guessing import Guessing
from broker.services.passwords import Passwords
from broker.settings import Settings
from broker.storage import provision
from broker.storage.database import Database
from tests.prepared import make

SECRET_KEY = "a secret key of thirty-two characters or so"
HERE = "127.0.0.1"
ACME: dict[str, Any] = {
    "name": "acme",
    "password": "correct horse",
    "api_keys": ["key"],
    "senders": ["+12025550150"],
}


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "broker.db"
    make(file, {"accounts": [ACME]}, secret_key=SECRET_KEY)
    return file


def apply(path: Path, *accounts: dict[str, Any]) -> None:
    database = Database(f"sqlite:///{path}")
    database.write(lambda sql: provision.apply(sql, {"accounts": accounts}, secret_key=SECRET_KEY))
    database.close()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def guessing(settings: Settings, clock: Clock) -> AsyncIterator[Guessing]:
    client = open_async(settings.redis_url, settings)
    yield Guessing(Guesses(client), secret_key=SECRET_KEY, clock=clock)
    await client.aclose()


@pytest.fixture
async def authenticator(path: Path, clock: Clock, guessing: Guessing) -> AsyncIterator[Authenticator]:
    database = Database(f"sqlite:///{path}")
    with ThreadPoolExecutor(2) as threads:
        passwords = Passwords(guessing, threads)
        yield Authenticator(
            database, secret_key=SECRET_KEY, executor=threads, passwords=passwords, clock=clock
        )
    database.close()


def take_away(path: Path) -> None:
    """Leave a database in which nothing can be found."""
    path.write_bytes(b"no database")
    for beside in path.parent.glob("broker.db-*"):
        beside.unlink()


async def test_an_api_key_names_its_account(authenticator: Authenticator) -> None:
    account = await authenticator.authenticate(Credentials(api_key="key"), HERE)
    assert (account.name, account.senders) == ("acme", ("+12025550150",))


async def test_a_name_and_its_password_name_the_account(authenticator: Authenticator) -> None:
    right = Credentials(user="acme", password="correct horse")
    for _ in range(2):
        assert (await authenticator.authenticate(right, HERE)).name == "acme"


@pytest.mark.parametrize(
    "credentials",
    [
        Credentials(),
        Credentials(api_key="Key"),
        Credentials(api_key=""),
        Credentials(user="acme", password="wrong"),
        Credentials(user="acme", password=""),
        Credentials(user="nobody", password="correct horse"),
        Credentials(user="\0key", password="x"),
        Credentials(user="acme"),
    ],
)
async def test_anything_else_is_refused_alike(authenticator: Authenticator, credentials: Credentials) -> None:
    await authenticator.authenticate(Credentials(api_key="key"), HERE)
    await authenticator.authenticate(Credentials(user="acme", password="correct horse"), HERE)
    with pytest.raises(AuthenticationFailed, match="missing or wrong"):
        await authenticator.authenticate(credentials, HERE)


async def test_an_account_without_a_password_has_none(authenticator: Authenticator, path: Path) -> None:
    apply(path, {"name": "keyed", "api_keys": ["k"]})
    with pytest.raises(AuthenticationFailed):
        await authenticator.authenticate(Credentials(user="keyed", password=""), HERE)


@pytest.mark.parametrize(
    ("allowed", "peer", "admitted"),
    [
        (["192.0.2.0/24"], "192.0.2.7", True),
        (["192.0.2.0/24"], "::ffff:192.0.2.7", True),
        (["192.0.2.0/24"], "198.51.100.7", False),
        (["2001:db8::/32"], "2001:db8::1%eth0", True),
        (["192.0.2.7"], "192.0.2.7", True),
        (["192.0.2.0/24"], "", False),
    ],
)
async def test_an_account_may_be_bound_to_networks(
    authenticator: Authenticator, path: Path, allowed: list[str], peer: str, admitted: bool
) -> None:
    apply(path, {**ACME, "allowed_ips": allowed})
    if admitted:
        await authenticator.authenticate(Credentials(api_key="key"), peer)
    else:
        with pytest.raises(AddressNotAllowed):
            await authenticator.authenticate(Credentials(api_key="key"), peer)


async def test_a_change_is_seen_when_the_account_is_read_again(
    authenticator: Authenticator, path: Path, clock: Clock
) -> None:
    key = Credentials(api_key="key")
    assert (await authenticator.authenticate(key, HERE)).daily_limit is None
    apply(path, {**ACME, "daily_limit": 5})
    assert (await authenticator.authenticate(key, HERE)).daily_limit is None
    clock.now += FRESH_S + 1
    assert (await authenticator.authenticate(key, HERE)).daily_limit == 5


async def test_while_the_record_is_away_known_accounts_stand(
    authenticator: Authenticator, path: Path, clock: Clock
) -> None:
    key, pair = Credentials(api_key="key"), Credentials(user="acme", password="correct horse")
    await authenticator.authenticate(key, HERE)
    await authenticator.authenticate(pair, HERE)
    take_away(path)
    clock.now += FRESH_S + 1
    assert (await authenticator.authenticate(key, HERE)).name == "acme"
    assert (await authenticator.authenticate(pair, HERE)).name == "acme"
    with pytest.raises(Busy):
        await authenticator.authenticate(Credentials(api_key="another"), HERE)


async def test_a_new_password_ends_the_old_one(
    authenticator: Authenticator, path: Path, clock: Clock
) -> None:
    old, new = (
        Credentials(user="acme", password="correct horse"),
        Credentials(user="acme", password="battery"),
    )
    await authenticator.authenticate(old, HERE)
    apply(path, {**ACME, "password": "battery"})
    clock.now += FRESH_S + 1
    assert (await authenticator.authenticate(new, HERE)).name == "acme"
    with pytest.raises(AuthenticationFailed):
        await authenticator.authenticate(old, HERE)


async def test_neither_keys_nor_passwords_stay_in_memory(authenticator: Authenticator) -> None:
    await authenticator.authenticate(Credentials(api_key="key"), HERE)
    await authenticator.authenticate(Credentials(user="acme", password="correct horse"), HERE)
    kept = repr(vars(authenticator))
    assert "correct horse" not in kept
    assert "'key'" not in kept
