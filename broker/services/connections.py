"""Show operators how connections stand; pause and resume them."""

from dataclasses import replace
from functools import partial

from broker.domain.usage import Usage
from broker.errors import NotFound, QueueAway
from broker.keyspace.client import AWAY
from broker.keyspace.clock import Clock
from broker.keyspace.lanes import Depths
from broker.services.sql import AsyncSql
from broker.storage import accounts


class Connections:
    """Stops connections for people, and lets them go on; what waits for one meanwhile waits in its lanes."""

    def __init__(self, sql: AsyncSql, clock: Clock, depths: Depths) -> None:
        self._sql = sql
        self._clock = clock
        self._depths = depths

    async def all(self) -> list[Usage]:
        """Return every connection in the order of provisioning, with how much waits in its lanes.

        Raises:
            Busy: SQL or Redis is away.
        """
        return [await self._counted(one) for one in await self._sql.read(accounts.usages)]

    async def pause(self, name: str, *, reason: str) -> Usage:
        """Submit nothing over a connection, from two seconds on at the latest, until somebody resumes it.

        Raises:
            NotFound: there is no such connection.
            Busy: SQL or Redis is away.
        """
        now_ms = await self._clock.now_ms()
        await self._sql.write(partial(accounts.pause, name=name, now_ms=now_ms, reason=reason))
        return await self._one(name)

    async def resume(self, name: str) -> Usage:
        """Go on submitting over a connection that a person paused, or whose credentials failed.

        Raises:
            NotFound: there is no such connection.
            Busy: SQL or Redis is away.
        """
        await self._sql.write(partial(accounts.resume, name=name))
        return await self._one(name)

    async def _one(self, name: str) -> Usage:
        found = [one for one in await self._sql.read(accounts.usages) if one.name == name]
        if not found:
            raise NotFound("there is no such connection")
        return await self._counted(found[0])

    async def _counted(self, one: Usage) -> Usage:
        try:
            depths = await self._depths.of(one.name)
        except (*AWAY, TimeoutError) as error:
            raise QueueAway("the lanes cannot be counted now") from error
        return replace(one, waiting=sum(depths.values()))
