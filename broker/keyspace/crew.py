"""The workers that there are, and what people want of them; for the loop."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from broker.errors import QueueAway
from broker.keyspace import keys
from broker.keyspace.client import AWAY, Async
from broker.keyspace.presence import LIFE_MS, Worker, present
from broker.keyspace.wishes import Wish, decoded, encoded


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """The workers by name, the wishes about those that are meant, by name too, and Redis's clock in ms."""

    workers: tuple[Worker, ...]
    wishes: Mapping[str, Wish]
    now_ms: int


class Crew:
    """Looks at workers, and leaves wishes for them. Raises QueueAway while Redis is away."""

    def __init__(self, client: Async) -> None:
        self._client: Any = client

    async def look(self) -> Seen:
        """Return who is there."""
        try:
            workers, now_ms = await present(self._client)
            found = await self._client.hgetall(keys.drains())
        except (*AWAY, TimeoutError) as error:
            raise QueueAway("Redis does not answer") from error
        began = {one.name: one.started_ms for one in workers}
        known = {name.decode(): decoded(text) for name, text in found.items()}
        return Seen(
            workers=tuple(workers),
            wishes={name: wish for name, wish in known.items() if began.get(name) == wish.started_ms},
            now_ms=now_ms,
        )

    async def wish(self, name: str, wish: Wish) -> None:
        """Leave a wish; the worker keeps it for as long as it lives, and hears it within seconds."""
        try:
            async with self._client.pipeline(transaction=True) as pipe:
                pipe.hset(keys.drains(), name, encoded(wish))
                pipe.pexpire(keys.drains(), LIFE_MS)
                await pipe.execute()
        except (*AWAY, TimeoutError) as error:
            raise QueueAway("Redis does not answer") from error

    async def lift(self, name: str) -> None:
        """Take a wish back, if there is one."""
        try:
            await self._client.hdel(keys.drains(), name)
        except (*AWAY, TimeoutError) as error:
            raise QueueAway("Redis does not answer") from error
