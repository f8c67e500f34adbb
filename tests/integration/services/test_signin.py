"""Which operator signs in, and what each may do."""

import secrets
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from broker.dialects.base import NOBODY, Credentials
from broker.domain.operator import Role
from broker.errors import AuthenticationFailed, Busy, NotPermitted
from broker.keyspace.client import open_async
from broker.keyspace.guesses import Guesses
from broker.services.guessing import Guessing
from broker.services.passwords import Passwords
from broker.services.signin import SignIn
from broker.services.sql import AsyncSql
from broker.settings import Settings
from broker.storage import provision
from broker.storage.database import Database
from tests.prepared import make

HERE = "192.0.2.7"
VIEWER = {"name": "eve", "password": "only looks", "role": "viewer"}
OPERATOR = {"name": "oscar", "password": "acts too", "role": "operator"}
READER = {"name": "connie", "password": "reads it too", "role": "content"}
SECRET_KEY = "k" * 32
ADMIN = {"name": "ada", "password": "does it all", "role": "admin"}
MAY = {
    "viewer": {"viewer"},
    "content": {"viewer", "content"},
    "operator": {"viewer", "operator"},
    "admin": {"viewer", "content", "operator", "admin"},
}


@pytest.fixture
def database(tmp_path: Path) -> Database:
    make(tmp_path / "broker.db", document(VIEWER, READER, OPERATOR, ADMIN), secret_key=SECRET_KEY)
    return Database(f"sqlite:///{tmp_path / 'broker.db'}")


@pytest.fixture
async def passwords(settings: Settings) -> AsyncIterator[Passwords]:
    client = open_async(settings.redis_url, settings)
    with ThreadPoolExecutor(2) as threads:
        yield Passwords(Guessing(Guesses(client), secret_key=secrets.token_hex()), threads)
    await client.aclose()


@pytest.fixture
async def sign_in(database: Database, passwords: Passwords) -> AsyncIterator[SignIn]:
    with ThreadPoolExecutor(2) as threads:
        yield SignIn(AsyncSql(database, threads), passwords)
    database.close()


def apply(database: Database, *people: dict[str, Any]) -> None:
    database.write(lambda sql: provision.apply(sql, document(*people), secret_key=SECRET_KEY))


def document(*people: dict[str, Any]) -> dict[str, Any]:
    return {"operators": people, "accounts": [{"name": "acme", "password": "a customer's"}]}


def of(person: dict[str, Any]) -> Credentials:
    return Credentials(user=person["name"], password=person["password"])


@pytest.mark.parametrize("person", [VIEWER, READER, OPERATOR, ADMIN], ids=lambda one: str(one["role"]))
@pytest.mark.parametrize("needs", Role)
async def test_each_role_may_do_what_it_is_for(sign_in: SignIn, person: dict[str, Any], needs: Role) -> None:
    if needs in MAY[person["role"]]:
        found = await sign_in.operator(of(person), needs=needs, peer=HERE)
        assert (found.name, found.role) == (person["name"], person["role"])
    else:
        with pytest.raises(NotPermitted):
            await sign_in.operator(of(person), needs=needs, peer=HERE)


@pytest.mark.parametrize(
    "credentials",
    [
        NOBODY,
        Credentials(user="ada", password="guessed"),
        Credentials(user="ada", password=""),
        Credentials(user="nobody", password="does it all"),
        Credentials(user="acme", password="a customer's"),
        Credentials(api_key="does it all"),
    ],
    ids=["nothing", "wrong", "empty", "unknown", "customer", "key"],
)
async def test_nobody_else_comes_in(sign_in: SignIn, credentials: Credentials) -> None:
    with pytest.raises(AuthenticationFailed):
        await sign_in.operator(credentials, needs=Role.VIEWER, peer=HERE)


async def test_a_password_that_was_changed_is_wrong_at_once(sign_in: SignIn, database: Database) -> None:
    await sign_in.operator(of(ADMIN), needs=Role.ADMIN, peer=HERE)
    apply(database, {**ADMIN, "password": "another"})
    with pytest.raises(AuthenticationFailed):
        await sign_in.operator(of(ADMIN), needs=Role.ADMIN, peer=HERE)


async def test_while_sql_is_away_nobody_is_let_in(passwords: Passwords, tmp_path: Path) -> None:
    away = Database(f"sqlite:///{tmp_path / 'no such folder' / 'broker.db'}")
    with ThreadPoolExecutor(2) as threads, pytest.raises(Busy):
        await SignIn(AsyncSql(away, threads), passwords).operator(of(ADMIN), needs=Role.ADMIN, peer=HERE)
    away.close()
