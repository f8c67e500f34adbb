"""Show operators how connections stand; stop them, let them go on, change their rates, close their circuits."""

from datetime import datetime
from functools import partial

from broker.domain.deed import kept
from broker.domain.usage import Rate, Stop, Usage
from broker.domain.value import replace
from broker.errors import InvalidField, NotFound, QueueAway
from broker.keyspace.breakers import Fuses
from broker.keyspace.client import AWAY
from broker.keyspace.clock import Clock
from broker.keyspace.lanes import Depths
from broker.services.sql import AsyncSql
from broker.storage import accounts, lanes


class Connections:
    """Stops connections for people, and lets them go on; what waits for one meanwhile waits in its lanes."""

    def __init__(self, sql: AsyncSql, clock: Clock, depths: Depths, fuses: Fuses) -> None:
        self._sql = sql
        self._clock = clock
        self._depths = depths
        self._fuses = fuses

    async def all(self) -> list[Usage]:
        """Return every connection in the order of provisioning, with how much waits in its lanes.

        Raises:
            Busy: SQL or Redis is away.
        """
        return [await self._counted(one) for one in await self._sql.read(accounts.usages)]

    async def one(self, name: str) -> Usage:
        """Return one connection.

        Raises:
            NotFound: there is no such connection.
            Busy: SQL or Redis is away.
        """
        return await self._one(name)

    async def stop(self, name: str, how: Stop, *, reason: str, until: datetime | None = None) -> Usage:
        """Pause, hold or drain a connection, from two seconds on at the latest, until then or somebody resumes it.

        Numbers in the reason are masked: all who look see it.

        Raises:
            NotFound: there is no such connection.
            InvalidField: that time is over.
            Busy: SQL or Redis is away.
        """
        now_ms = await self._clock.now_ms()
        until_ms = None if until is None else round(until.timestamp() * 1000)
        if until_ms is not None and until_ms <= now_ms:
            raise InvalidField("must be a time to come", pointer="/until")
        told = kept(reason)
        job = partial(accounts.pause, name=name, now_ms=now_ms, reason=told, how=how, until_ms=until_ms)
        await self._sql.write(job)
        return await self._one(name)

    async def resume(self, name: str) -> Usage:
        """Go on submitting over a connection that a person stopped, or whose credentials failed.

        Raises:
            NotFound: there is no such connection.
            Busy: SQL or Redis is away.
        """
        await self._sql.write(partial(accounts.resume, name=name))
        return await self._one(name)

    async def rate(self, name: str, change: Rate) -> Usage:
        """Let a connection carry so much a second, from two seconds on at the latest, also of what waits already.

        Raises:
            NotFound: there is no such connection.
            Busy: SQL or Redis is away.
        """
        await self._sql.write(partial(accounts.set_rate, name=name, change=change))
        return await self._one(name)

    async def reset(self, name: str) -> Usage:
        """Forget that a connection's carrier failed: it is used again at once, and left alone after as many failures.

        Raises:
            NotFound: there is no such connection.
            Busy: SQL or Redis is away.
        """
        await self._one(name)
        try:
            await self._fuses.reset(name)
        except (*AWAY, TimeoutError) as error:
            raise QueueAway("the circuit cannot be closed now") from error
        return await self._one(name)

    async def _one(self, name: str) -> Usage:
        found = [one for one in await self._sql.read(accounts.usages) if one.name == name]
        if not found:
            raise NotFound("there is no such connection")
        return await self._counted(found[0])

    async def _counted(self, one: Usage) -> Usage:
        try:
            depths = await self._depths.of(one.name)
            circuit = (await self._fuses.look([one.name]))[one.name]
        except (*AWAY, TimeoutError) as error:
            raise QueueAway("the lanes cannot be counted now") from error
        left = 0
        if one.stop is Stop.DRAIN:
            left = await self._sql.read(partial(lanes.unfinished, name=one.name))
        return replace(
            one,
            waiting=sum(depths.values()),
            left=left,
            circuit=circuit.state,
            failures=circuit.failures,
        )
