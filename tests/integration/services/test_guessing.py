"""Guessing passwords is slow, for whoever guesses and for nobody else."""

import asyncio
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from argon2 import PasswordHasher
from sqlalchemy import update

from broker.dialects.base import Credentials
from broker.errors import AuthenticationFailed, Busy, TooManyGuesses
from broker.keyspace.client import Async, open_async
from broker.keyspace.guesses import FREE, LONGEST_MS, Guesses
from broker.services.authenticate import Authenticator
from broker.services.guessing import Guessing, network
from broker.services.passwords import MOST_OF_SOURCE, Passwords
from broker.settings import Settings
from broker.storage.database import Database
from broker.storage.tables import accounts
from tests.integration.services.test_authenticate import ACME, SECRET_KEY, Clock, apply, path

__all__ = ("path",)

QUICK = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
"""These tests make hundreds of guesses."""

HERE, ELSEWHERE = "192.0.2.1", "198.51.100.7"
RIGHT = Credentials(user="acme", password="correct horse")


class Door:
    """One ingress process as far as signing in goes."""

    def __init__(self, authenticator: Authenticator, clock: Clock, told: list[str]) -> None:
        self.authenticator = authenticator
        self.clock = clock
        self.told = told

    async def sign_in(self, password: str, *, user: str = "acme", peer: str = HERE) -> str:
        """Return what came of it: in, wrong, held or busy."""
        try:
            await self.authenticator.authenticate(Credentials(user=user, password=password), peer)
        except AuthenticationFailed:
            return "wrong"
        except TooManyGuesses as error:
            return "held" if 0 < error.retry_after_s <= LONGEST_MS // 1000 + 1 else "held wrongly"
        except Busy:
            return "busy"
        return "in"

    async def guess(self, times: int, **who: Any) -> list[str]:
        """Try different wrong passwords, one after the other."""
        return [await self.sign_in(f"wrong {n}", **who) for n in range(times)]


@pytest.fixture
async def open_door(path: Path, settings: Settings) -> AsyncIterator[Callable[..., Door]]:
    """Open doors on one Redis, or on another URL."""
    clients: list[Async] = []
    database = Database(f"sqlite:///{path}")
    quick = update(accounts).values(password_hash=QUICK.hash("correct horse"))
    database.write(lambda sql: sql.execute(quick))
    threads = ThreadPoolExecutor(4)

    def open_one(url: str = settings.redis_url) -> Door:
        clock, told = Clock(), list[str]()
        clients.append(open_async(url, settings))
        guessing = Guessing(Guesses(clients[-1]), secret_key=SECRET_KEY, told=told.append, clock=clock)
        authenticator = Authenticator(
            database,
            secret_key=SECRET_KEY,
            executor=threads,
            passwords=Passwords(guessing, threads, hasher=QUICK),
            clock=clock,
        )
        return Door(authenticator, clock, told)

    yield open_one
    for client in clients:
        await client.aclose()
    threads.shutdown()
    database.close()


@pytest.fixture
def door(open_door: Callable[..., Door]) -> Door:
    return open_door()


@pytest.fixture
async def client(settings: Settings) -> AsyncIterator[Async]:
    one = open_async(settings.redis_url, settings)
    yield one
    await one.aclose()


@asynccontextmanager
async def over(client: Async) -> AsyncIterator[None]:
    """Let every hold in Redis end at once."""
    for name in await client.keys("held:*"):
        await client.delete(name)
    yield


async def test_after_a_few_wrong_passwords_even_the_right_one_waits(door: Door) -> None:
    assert await door.guess(FREE[0] + 3) == ["wrong"] * (FREE[0] + 1) + ["held"] * 2
    assert await door.sign_in("correct horse") == "held"
    assert door.told == ["wrong"] * (FREE[0] + 1) + ["held"] * 3


async def test_the_right_password_from_elsewhere_is_looked_at_at_once(door: Door) -> None:
    await door.guess(FREE[0] + 3)
    assert await door.sign_in("correct horse", peer=ELSEWHERE) == "in"


async def test_a_guess_from_many_addresses_locks_nobody_out(door: Door) -> None:
    for n in range(FREE[1] + 5):
        await door.guess(1, peer=f"203.0.113.{n}")
    assert await door.sign_in("correct horse", peer=ELSEWHERE) == "in"
    # But whoever guesses now has one try.
    assert await door.guess(2, peer="203.0.113.250") == ["wrong", "held"]


async def test_a_source_that_tries_many_accounts_waits_with_each(door: Door) -> None:
    tries = [await door.sign_in("password", user=f"account {n}") for n in range(FREE[2] + 2)]
    assert tries == ["wrong"] * (FREE[2] + 1) + ["held"]
    assert await door.sign_in("password", user="account 0", peer=ELSEWHERE) == "wrong"


async def test_who_signed_in_from_a_source_does_not_wait_for_its_neighbours(door: Door) -> None:
    await door.sign_in("correct horse")
    for n in range(FREE[2] + 2):
        await door.sign_in("password", user=f"account {n}")
    assert await door.sign_in("password", user="another") == "held"
    assert await door.sign_in("correct horse") == "in"


async def test_each_wait_is_twice_as_long_up_to_a_minute(door: Door, client: Async) -> None:
    waits = []
    await door.guess(FREE[0])
    for n in range(8):
        async with over(client):
            door.clock.now += 3600
            assert await door.sign_in(f"another {n}") == "wrong"
        (name,) = await client.keys("held:*")
        waits.append(round(await client.pttl(name) / 1000))
    assert waits == [1, 2, 4, 8, 16, 32, 60, 60]


async def test_after_the_wait_the_right_password_is_right_and_forgets(door: Door, client: Async) -> None:
    await door.guess(FREE[0] + 1)
    async with over(client):
        door.clock.now += 60
        assert await door.sign_in("correct horse") == "in"
        assert await door.guess(FREE[0] + 1) == ["wrong"] * (FREE[0] + 1)


async def test_one_wrong_password_again_and_again_is_one_guess(door: Door) -> None:
    """A program with an old password must not slow down its neighbours."""
    for _ in range(FREE[0] * 4):
        assert await door.sign_in("an old one") == "wrong"
        door.clock.now += 20
    assert await door.sign_in("correct horse") == "in"


async def test_all_processes_count_together(open_door: Callable[..., Door]) -> None:
    one, other = open_door(), open_door()
    await one.guess(FREE[0] + 1)
    assert await other.sign_in("correct horse") == "held"
    assert await other.sign_in("correct horse", peer=ELSEWHERE) == "in"


async def test_what_one_process_remembers_cannot_be_tried_from_elsewhere(door: Door) -> None:
    assert await door.sign_in("correct horse") == "in"
    assert await door.sign_in("correct horse", peer=ELSEWHERE) == "in"
    assert door.told == ["right", "right"]  # looked at anew
    await door.guess(FREE[0] + 1, peer=ELSEWHERE)
    assert await door.sign_in("correct horse", peer=ELSEWHERE) == "held"
    assert await door.sign_in("correct horse") == "in"


async def test_guesses_made_at_once_are_counted_one_by_one(door: Door) -> None:
    assert await door.sign_in("correct horse", peer=ELSEWHERE) == "in"  # so that nobody waits for SQL
    tries = await asyncio.gather(*(door.sign_in(f"wrong {n}") for n in range(MOST_OF_SOURCE + 4)))
    assert tries.count("wrong") == FREE[0] + 1
    assert tries.count("busy") == 4
    assert "in" not in tries


async def test_many_requests_with_the_right_password_are_one_check(door: Door) -> None:
    tries = await asyncio.gather(*(door.sign_in("correct horse") for _ in range(200)))
    assert set(tries) == {"in"}
    assert door.told == ["right"]


async def test_an_account_that_does_not_exist_is_held_alike(door: Door) -> None:
    known = await door.guess(FREE[0] + 2)
    assert await door.guess(FREE[0] + 2, user="nobody") == known


async def test_without_redis_each_process_counts_for_itself(open_door: Callable[..., Door]) -> None:
    door = open_door("redis://127.0.0.1:1")
    assert await door.guess(FREE[0] + 2) == ["wrong"] * (FREE[0] + 1) + ["held"]
    assert await door.sign_in("correct horse", peer=ELSEWHERE) == "in"
    door.clock.now += 60
    assert await door.sign_in("correct horse") == "in"
    assert await door.guess(FREE[0]) == ["wrong"] * FREE[0]


async def test_a_new_password_is_asked_for_also_where_the_old_one_was_right(door: Door, path: Path) -> None:
    assert await door.sign_in("correct horse") == "in"
    apply(path, {**ACME, "password": "battery"})
    door.clock.now += 60
    assert await door.sign_in("correct horse") == "wrong"
    assert await door.sign_in("battery") == "in"


async def test_redis_learns_no_name_no_password_and_no_address(door: Door, client: Async) -> None:
    await door.guess(FREE[0] + 2, user="a-canary-name", peer="203.0.113.77")
    kept = [str(name) for name in await client.keys("*")]
    for name in await client.keys("tried:*"):
        kept += [str(mark) for mark in await client.smembers(name)]  # type: ignore[misc]  # async client
    assert kept
    assert not [text for text in kept if "canary" in text or "203.0.113" in text or "wrong" in text]
    assert all([0 < await client.ttl(name) <= 3600 for name in await client.keys("*")])


@pytest.mark.parametrize(
    ("peer", "source"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8::1", "2001:db8::/64"),
        ("2001:db8::ffff:1%eth0", "2001:db8::/64"),
        ("", "unknown"),
        ("nonsense", "unknown"),
    ],
)
def test_an_ipv6_host_is_its_network(peer: str, source: str) -> None:
    assert network(peer) == source
