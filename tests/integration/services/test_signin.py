"""Which operator signs in, and what each may do."""

from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from broker.dialects.base import NOBODY, Credentials
from broker.domain.operator import Role
from broker.errors import AuthenticationFailed, Busy, NotPermitted
from broker.services.passwords import Passwords
from broker.services.signin import SignIn
from broker.services.sql import AsyncSql
from broker.storage import provision, schema
from broker.storage.database import Database

VIEWER = {"name": "eve", "password": "only looks", "role": "viewer"}
OPERATOR = {"name": "oscar", "password": "acts too", "role": "operator"}
ADMIN = {"name": "ada", "password": "does it all", "role": "admin"}


@pytest.fixture
def database(tmp_path: Path) -> Database:
    schema.upgrade(f"sqlite:///{tmp_path / 'broker.db'}")
    return Database(f"sqlite:///{tmp_path / 'broker.db'}")


@pytest.fixture
async def sign_in(database: Database) -> AsyncIterator[SignIn]:
    apply(database, VIEWER, OPERATOR, ADMIN)
    with ThreadPoolExecutor(2) as threads:
        yield SignIn(AsyncSql(database, threads), Passwords(threads))
    database.close()


def apply(database: Database, *people: dict[str, Any]) -> None:
    document = {"operators": people, "accounts": [{"name": "acme", "password": "a customer's"}]}
    database.write(lambda sql: provision.apply(sql, document, secret_key="k" * 32))


def of(person: dict[str, Any]) -> Credentials:
    return Credentials(user=person["name"], password=person["password"])


@pytest.mark.parametrize("person", [VIEWER, OPERATOR, ADMIN], ids=lambda one: str(one["role"]))
@pytest.mark.parametrize("needs", Role)
async def test_each_role_may_do_what_the_lower_ones_may(
    sign_in: SignIn, person: dict[str, Any], needs: Role
) -> None:
    roles = list(Role)
    if roles.index(person["role"]) >= roles.index(needs):
        found = await sign_in.operator(of(person), needs=needs)
        assert (found.name, found.role) == (person["name"], person["role"])
    else:
        with pytest.raises(NotPermitted):
            await sign_in.operator(of(person), needs=needs)


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
        await sign_in.operator(credentials, needs=Role.VIEWER)


async def test_a_password_that_was_changed_is_wrong_at_once(sign_in: SignIn, database: Database) -> None:
    await sign_in.operator(of(ADMIN), needs=Role.ADMIN)
    apply(database, {**ADMIN, "password": "another"})
    with pytest.raises(AuthenticationFailed):
        await sign_in.operator(of(ADMIN), needs=Role.ADMIN)


async def test_while_sql_is_away_nobody_is_let_in(sign_in: SignIn, tmp_path: Path) -> None:
    await sign_in.operator(of(ADMIN), needs=Role.ADMIN)
    for file in tmp_path.iterdir():
        file.write_bytes(b"no database any more" * 500)
    with pytest.raises(Busy):
        await sign_in.operator(of(ADMIN), needs=Role.ADMIN)
