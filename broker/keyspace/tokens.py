"""Carriers' access tokens, shared by all workers."""

import asyncio
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from redis.exceptions import RedisError

from broker.errors import Unavailable
from broker.keyspace import keys
from broker.keyspace.client import Async

MARGIN_S = 120
"""A token is renewed when less than this is left of it, so that none expires on its way."""

REMEMBERED_S = 1.0
"""How long a process believes what it last read, so that not every request asks Redis."""

LOCK_MS = 15_000
PAUSE_S = 0.05

_LUA = Path(__file__).parent / "lua"


class Tokens:
    """Keeps one token a connection, and lets one worker at a time fetch a new one. For the loop.

    Every method raises Unavailable when Redis does not answer: without a token nothing was sent.
    """

    def __init__(self, client: Async) -> None:
        self._client = client
        self._forget = client.register_script((_LUA / "forget.lua").read_text())
        self._remembered: dict[str, tuple[str, float]] = {}
        self._refused: dict[str, str] = {}
        self._locks: dict[str, str] = {}

    async def get(self, connection: str) -> str | None:
        """Return the token, unless it is about to expire or was refused."""
        value, until = self._remembered.get(connection, ("", 0.0))
        now = time.monotonic()
        if now < until:
            return value
        if value:  # while one asks, the others go on with what they have
            self._remembered[connection] = value, now + REMEMBERED_S
        with _redis():
            kept = await self._client.get(keys.token(connection))
        if kept is None:
            self._remembered.pop(connection, None)
            return None
        value = bytes(kept).decode()
        if value == self._refused.get(connection):
            return None  # read before it was dropped, and heard of after
        self._remembered[connection] = value, time.monotonic() + REMEMBERED_S
        return value

    async def put(self, connection: str, value: str, *, expires_in_s: int) -> None:
        """Keep a token until shortly before it expires; one that lives too short for that is kept half its life."""
        life_s = max(expires_in_s - MARGIN_S, expires_in_s // 2, 1)
        if self._refused.get(connection) == value:
            del self._refused[connection]
        with _redis():
            await self._client.set(keys.token(connection), value, ex=life_s)

    async def forget(self, connection: str, value: str) -> None:
        """Drop a token that the carrier refused, unless another took its place already."""
        self._refused[connection] = value
        if self._remembered.get(connection, ("", 0.0))[0] == value:
            del self._remembered[connection]
        with _redis():
            await self._forget(keys=[keys.token(connection)], args=[value])

    async def lock(self, connection: str) -> bool:
        """Return True to the one who is to fetch a new token, False once another has had its chance."""
        name, who = keys.token_lock(connection), secrets.token_hex(8)
        with _redis():
            if await self._client.set(name, who, nx=True, px=LOCK_MS):
                self._locks[connection] = who
                return True
            for _ in range(round(LOCK_MS / 1000 / PAUSE_S)):
                await asyncio.sleep(PAUSE_S)
                if not await self._client.exists(name):
                    break
        return False

    async def unlock(self, connection: str) -> None:
        """Let the others go on; a lock that was held too long may be another's already."""
        with _redis():
            await self._forget(keys=[keys.token_lock(connection)], args=[self._locks.pop(connection, "")])

    async def close(self) -> None:
        """Disconnect."""
        await self._client.aclose()


@contextmanager
def _redis() -> Iterator[None]:
    try:
        yield
    except RedisError as error:
        raise Unavailable("Redis does not answer, so there is no token") from error
