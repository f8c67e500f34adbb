"""A line to Redis of which it is always known whether a script may have run."""

import asyncio
from collections.abc import Sequence
from hashlib import sha1
from pathlib import Path
from typing import Any

import hiredis
from redis.asyncio.connection import AbstractConnection, ConnectionPool
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import BusyLoadingError, NoScriptError, RedisError, ResponseError

from broker.errors import ConfigurationError, OutcomeUncertain, QueueAway
from broker.keyspace import durability
from broker.settings import Durability

Word = bytes | str | int

PAUSE_S = 0.05
"""Between two tries to reach Redis."""

_REFUSALS = ("BUSY", "MISCONF", "NOREPLICAS")
"""Errors without a class of their own with which Redis refuses a script before its first write."""


class Script:
    """A Lua script, known to Redis by its SHA-1."""

    def __init__(self, name: str) -> None:
        self.text = (Path(__file__).parent / "lua" / f"{name}.lua").read_bytes()
        self.sha = sha1(self.text, usedforsecurity=False).hexdigest()


class Line:
    """One connection for one script, with repeats until an answer is had or the time is up.

    A script that is run here must change nothing when it is run again with the same words. On each new connection
    the server's durability is checked again, so a server that was reconfigured takes nothing.
    """

    def __init__(self, url: str, script: Script, *, level: Durability, patience_s: float) -> None:
        self._pool = ConnectionPool.from_url(url, retry=Retry(NoBackoff(), 0), client_name="broker-line")
        self._script = script
        self._level = level
        self._patience_s = patience_s
        self._connection: AbstractConnection | None = None
        self._waits: durability.Waits = ()
        self._silent_since: float | None = None

    async def run(self, keys: Sequence[Word], words: Sequence[Word], *, since: float) -> Any:
        """Run the script and return its answer; `since`, on the loop's clock, is when the caller began to wait.

        Raises:
            QueueAway: Redis was not reached, or refused: nothing has been changed.
            OutcomeUncertain: Redis was given the script and did not answer.
        """
        deadline = since + self._patience_s
        lost = False
        while True:
            sent = False
            try:
                async with asyncio.timeout_at(self._next_try(deadline)):
                    connection = await self._open()
                    sent = True
                    answer = await self._exchange(connection, keys, words)
            except ConfigurationError as error:
                await self._close()  # else the next call would use it as one that was checked
                raise (OutcomeUncertain if lost else QueueAway)(
                    "Redis is not as durable as promised"
                ) from error
            except (OSError, RedisError, TimeoutError) as error:
                await self._close()
                lost = lost or (sent and not _did_nothing(error))
                self._give_up(error, deadline, lost=lost)
            else:
                self._silent_since = None
                return answer
            await asyncio.sleep(PAUSE_S)

    async def open(self) -> None:
        """Connect, if need be.

        Raises:
            ConfigurationError: the server cannot give the durability level.
            QueueAway: it cannot be reached.
        """
        try:
            async with asyncio.timeout(self._patience_s):
                await self._open()
        except ConfigurationError:
            await self._close()
            raise
        except (OSError, RedisError, TimeoutError) as error:
            await self._close()
            raise QueueAway("Redis cannot be reached") from error

    async def close(self) -> None:
        """Close the connection, and wait until it is closed."""
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.disconnect()

    def _next_try(self, deadline: float) -> float:
        """Return when a try ends: half of what is left, so that a dead connection leaves time for another."""
        now = asyncio.get_running_loop().time()
        return now + max((deadline - now) / 2, PAUSE_S)

    def _give_up(self, error: Exception, deadline: float, *, lost: bool) -> None:
        """Raise what an error means for the caller, or return if it should be tried again."""
        now = asyncio.get_running_loop().time()
        self._silent_since = self._silent_since or now
        refused = isinstance(error, ResponseError) and not isinstance(error, NoScriptError)
        hopeless = not lost and now - self._silent_since > self._patience_s
        if refused or hopeless or now + PAUSE_S >= deadline:
            if lost:
                raise OutcomeUncertain("Redis did not answer") from error
            raise QueueAway("Redis refuses to write" if refused else "Redis cannot be reached") from error

    async def _open(self) -> AbstractConnection:
        if self._connection is not None and _is_open(self._connection):
            return self._connection
        await self._close()
        connection: AbstractConnection = self._pool.make_connection()  # type: ignore[no-untyped-call]  # theirs
        self._connection = connection
        await connection.connect()  # type: ignore[no-untyped-call]  # theirs
        self._waits = await durability.check(self._ask, self._level)
        await self._ask("SCRIPT", "LOAD", self._script.text)
        return connection

    async def _exchange(
        self, connection: AbstractConnection, keys: Sequence[Word], words: Sequence[Word]
    ) -> Any:
        # Ten times as fast as the connection's own packing, which was a fifth of the ingress's work.
        command: Any = ("EVALSHA", self._script.sha, len(keys), *keys, *words)
        packed = hiredis.pack_command(command)
        await connection.send_packed_command(packed, check_health=False)
        if not self._waits:
            return await connection.read_response()
        for wait in self._waits:
            await connection.send_command(*wait, check_health=False)
        answer = await connection.read_response()
        for _ in self._waits:
            await connection.read_response()
        return answer

    async def _ask(self, *words: Word) -> Any:
        assert self._connection is not None
        await self._connection.send_command(*words, check_health=False)
        return await self._connection.read_response()

    async def _close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.disconnect(nowait=True)


def _is_open(connection: AbstractConnection) -> bool:
    """Say whether the other end is still there, as far as this side has heard."""
    reader = connection._reader  # the client has no public word for it
    return reader is not None and not reader.at_eof() and reader.exception() is None


def _did_nothing(error: Exception) -> bool:
    """Say whether Redis refused a script before its first write."""
    refused = isinstance(error, ResponseError | BusyLoadingError)
    return refused and (type(error) is not ResponseError or str(error).startswith(_REFUSALS))
