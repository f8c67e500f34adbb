"""How passwords are looked at: as long for a user that is none, off the loop, with room for who has not asked yet."""

import asyncio
import threading
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from typing import Literal

import pytest
from argon2 import PasswordHasher, extract_parameters
from argon2.exceptions import InvalidHashError

from broker.errors import Busy, TooManyGuesses
from broker.keyspace.client import open_async
from broker.keyspace.guesses import Guesses
from broker.services.guessing import Guessing
from broker.services.passwords import MOST_CHECKS, MOST_IN_ALL, MOST_OF_SOURCE, Passwords
from broker.settings import Settings

HERE = "192.0.2.1"
RIGHT = "correct horse"
SOURCES = MOST_CHECKS // MOST_OF_SOURCE


class Watched(PasswordHasher):
    """Notes for every look what it was compared with, and on which thread."""

    def __init__(self) -> None:
        super().__init__(time_cost=1, memory_cost=8, parallelism=1)
        self.looks: list[tuple[str, threading.Thread]] = []

    def verify(self, hash: str | bytes, password: str | bytes) -> Literal[True]:  # noqa: A002  # the library's name
        """Compare, and note it."""
        self.looks.append((str(hash), threading.current_thread()))
        return super().verify(hash, password)


@pytest.fixture
def hasher() -> Watched:
    return Watched()


@pytest.fixture
async def door(settings: Settings, hasher: Watched) -> AsyncIterator[Passwords]:
    """Passwords whose looks are watched."""
    client = open_async(settings.redis_url, settings)
    with ThreadPoolExecutor(4) as threads:
        guessing = Guessing(Guesses(client), secret_key="a secret key of thirty-two characters or so")
        yield Passwords(guessing, threads, hasher=hasher)
    await client.aclose()


def work_of(hashed: str) -> object:
    """Return what a comparison with this hash costs; one with no hash costs nothing."""
    try:
        return extract_parameters(hashed)
    except InvalidHashError:
        return "nothing"


async def test_a_user_that_is_none_costs_as_much_as_one_that_is(door: Passwords, hasher: Watched) -> None:
    hashed = hasher.hash(RIGHT)
    assert not await door.is_right("acme", "wrong", hashed, peer=HERE)
    assert not await door.is_right("nobody", "wrong", "", peer=HERE)
    known, unknown = [work_of(compared) for compared, _ in hasher.looks]
    assert unknown == known == extract_parameters(hashed)


async def test_passwords_are_looked_at_off_the_loop(door: Passwords, hasher: Watched) -> None:
    assert await door.is_right("acme", RIGHT, hasher.hash(RIGHT), peer=HERE)
    ((_, thread),) = hasher.looks
    assert thread is not threading.current_thread()


async def outcome(door: Passwords, user: str, password: str, hashed: str, peer: str) -> str:
    """Return what came of one try: right, wrong, busy, or held."""
    try:
        return "right" if await door.is_right(user, password, hashed, peer=peer) else "wrong"
    except Busy:
        return "busy"
    except TooManyGuesses:
        return "held"


async def test_a_few_sources_that_guess_keep_nobody_else_out(door: Passwords, hasher: Watched) -> None:
    hashed = hasher.hash(RIGHT)
    guesses = [
        outcome(door, f"user {n}", "wrong", "", f"203.0.113.{source}")
        for source in range(SOURCES + 1)
        for n in range(MOST_OF_SOURCE if source < SOURCES else 2)
    ]
    *tries, customer = await asyncio.gather(*guesses, outcome(door, "acme", RIGHT, hashed, HERE))
    assert customer == "right"
    # The last one that guesses has what every source has, and no more.
    assert (tries[-2] == "busy", tries[-1]) == (False, "busy")


async def test_what_waits_is_bounded_however_many_sources_there_are(door: Passwords) -> None:
    guesses = [outcome(door, "acme", "wrong", "", f"10.0.{n >> 8}.{n & 255}") for n in range(MOST_IN_ALL + 3)]
    tries = await asyncio.gather(*guesses)
    assert [n for n, one in enumerate(tries) if one == "busy"] == [*range(MOST_IN_ALL, MOST_IN_ALL + 3)]
