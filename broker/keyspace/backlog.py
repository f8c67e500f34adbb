"""Redis at one moment, for people: all that waits, and how the server is."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from broker.errors import QueueAway
from broker.keyspace import keys
from broker.keyspace.census import Census, look
from broker.keyspace.client import AWAY, Async


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What metrics show, who moves what is due (`scheduler`), and memory in bytes (`most` 0: no limit)."""

    census: Census
    scheduler: str
    used: int
    most: int
    version: str


class Backlog:
    """Asks Redis what waits. For the loop."""

    def __init__(self, client: Async, *, connections: Callable[[], Iterable[str]]) -> None:
        self._client: Any = client
        self._connections = connections

    async def census(self) -> Census:
        """Return what waits, as metrics show it; raises QueueAway."""
        try:
            return await look(self._client, tuple(self._connections()))
        except (*AWAY, TimeoutError) as error:
            raise QueueAway("Redis does not answer") from error

    async def look(self) -> Look:
        """Return what waits, and how the server is; raises QueueAway."""
        try:
            info = await self._client.info()
            leader = await self._client.get(keys.leader())
        except (*AWAY, TimeoutError) as error:
            raise QueueAway("Redis does not answer") from error
        return Look(
            census=await self.census(),
            scheduler=leader.decode() if leader else "",
            used=info["used_memory"],
            most=info.get("maxmemory", 0),
            version=info["redis_version"],
        )
