"""A look at what is next in a queue, which takes nothing."""

from collections.abc import Mapping, Sequence
from typing import Any

from broker.dispatch import Queue
from broker.domain.address import mask_within
from broker.domain.ids import is_id
from broker.domain.value import value
from broker.errors import QueueAway
from broker.keyspace import keys
from broker.keyspace.client import AWAY, Async
from broker.keyspace.lanes import waiting_since

MOST = 20
MOST_LANES = 50
_DIGEST = 64


@value
class Next:
    """One id that waits, as people may see it, and since or until when it does (Unix ms), where that is told."""

    name: str
    is_message: bool
    at_ms: int | None = None


class Peek:
    """Looks at the heads of lists. For the loop; raises QueueAway."""

    def __init__(self, client: Async) -> None:
        self._client: Any = client

    async def queue(self, queue: Queue) -> dict[str, Sequence[Next]]:
        """Return what is next in each of a queue's places, at most 20 of each."""
        last = MOST - 1
        try:
            async with self._client.pipeline(transaction=False) as pipe:
                pipe.zrange(keys.fresh(queue), 0, last)
                pipe.lrange(keys.ready(queue), -MOST, -1)
                pipe.zrange(keys.due(queue), 0, last)
                pipe.zrange(keys.schedule(queue), 0, last, withscores=True)
                fresh, ready, due, later = await pipe.execute()
        except (*AWAY, TimeoutError) as error:
            raise QueueAway("Redis does not answer") from error
        return {
            "new": [_next(one) for one in fresh],
            "ready": [_next(one) for one in reversed(ready)],
            "due": [_next(one) for one in due],
            "for later": [_next(one, at_ms=int(at)) for one, at in later],
        }

    async def lanes(self, connection: str) -> Mapping[str, Sequence[Next]]:
        """Return what is next in each lane of a connection, by its sender, at most 20 of each."""
        try:
            found = await self._client.zrange(keys.turns(connection), 0, MOST_LANES - 1)
            senders = [one.decode() for one in found]
            async with self._client.pipeline(transaction=False) as pipe:
                for sender in senders:
                    pipe.zrange(keys.lane(connection, sender), 0, MOST - 1, withscores=True)
                lanes = await pipe.execute() if senders else []
        except (*AWAY, TimeoutError) as error:
            raise QueueAway("Redis does not answer") from error
        return {
            sender: [_next(one, at_ms=waiting_since(score)) for one, score in lane]
            for sender, lane in zip(senders, lanes, strict=True)
        }


def _next(member: bytes, *, at_ms: int | None = None) -> Next:
    name = member.decode(errors="replace").partition(" ")[0]
    if is_id(name):
        return Next(name=name, is_message=True, at_ms=at_ms)
    harmless = len(name) == _DIGEST and all(one in "0123456789abcdef" for one in name)
    return Next(name=name if harmless else mask_within(name)[:32], is_message=False, at_ms=at_ms)
