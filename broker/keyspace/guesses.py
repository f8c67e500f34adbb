"""Wrong passwords, counted for all processes together."""

import asyncio
from pathlib import Path

from redis.exceptions import RedisError

from broker.errors import Busy
from broker.keyspace import keys
from broker.keyspace.client import Async

LIFE_S = 3600
"""How long wrong passwords count after the last one."""
FREE = (3, 20, 20)
"""Wrong passwords without a hold: of one account from one source, of an account, of a source."""
FIRST_MS = 1_000
LONGEST_MS = 60_000
PATIENCE_S = 0.3
"""Longest wait for Redis: signing in must go on without it."""


class Guesses:
    """Counts and holds. Names are digests, given by the caller. Raises Busy when Redis cannot be asked in time."""

    def __init__(self, client: Async) -> None:
        self._client = client
        script = Path(__file__).parent / "lua" / "guess.lua"
        self._guess = client.register_script(script.read_text())

    async def held_ms(self, pair: str, source: str) -> tuple[int, int]:
        """Return for how long an account is held up from a source, and the source altogether."""
        try:
            async with asyncio.timeout(PATIENCE_S), self._client.pipeline(transaction=False) as pipe:
                pipe.pttl(keys.held(pair))
                pipe.pttl(keys.held(source))
                one, other = await pipe.execute()
        except (OSError, RedisError, TimeoutError) as error:
            raise Busy("guesses cannot be counted now") from error
        return max(int(one), 0), max(int(other), 0)

    async def wrong(self, pair: str, account: str, source: str, mark: str) -> tuple[int, int]:
        """Count a wrong password by its mark; return as `held_ms` does. One that was tried before is no guess."""
        names = [keys.tried(pair), keys.guessed(account), keys.guessed(source)]
        names += [keys.held(pair), keys.held(source)]
        try:
            async with asyncio.timeout(PATIENCE_S):
                one, other = await self._guess(keys=names, args=[mark, LIFE_S, *FREE, FIRST_MS, LONGEST_MS])
        except (OSError, RedisError, TimeoutError) as error:
            raise Busy("guesses cannot be counted now") from error
        return int(one), int(other)

    async def right(self, pair: str) -> None:
        """Forget what was tried for an account from a source: whoever it is knows the password."""
        try:
            async with asyncio.timeout(PATIENCE_S):
                await self._client.unlink(keys.tried(pair))
        except (OSError, RedisError, TimeoutError) as error:
            raise Busy("guesses cannot be counted now") from error
