"""How far behind we are, and whether to slow the door."""

import asyncio
import time

from redis.exceptions import RedisError

from broker.dispatch import Queue
from broker.domain.ids import made_at_ms
from broker.errors import Busy
from broker.keyspace import keys
from broker.keyspace.client import Async
from broker.settings import Settings

EVERY_S = 0.5
"""Time between two looks."""

LATELY_S = 3.0
"""How old the last look at Redis may be before it counts as away."""

_RETRY_AFTER_S = 5


class Pressure:
    """Looks at the backlog and at Redis's memory now and then, and says between two looks what was seen last."""

    def __init__(self, client: Async, settings: Settings) -> None:
        self._client = client
        self._settings = settings
        self.depth: dict[Queue, int] = {}
        self.oldest_s: dict[Queue, float] = {}
        self.outbox: dict[Queue, int] = {}
        self.memory_share = 0.0
        self._seen_at = float("-inf")

    async def is_seen(self) -> bool:
        """Say whether Redis answered lately."""
        return time.monotonic() - self._seen_at < LATELY_S

    def check(self, queue: Queue = Queue.SUBMIT) -> None:
        """Return if there is room.

        Raises:
            Busy: the queue's oldest message waits too long, or Redis is nearly full.
        """
        if self.memory_share > self._settings.redis_memory_watermark:
            raise Busy("the store is nearly full", retry_after_s=_RETRY_AFTER_S)
        if self.oldest_s.get(queue, 0.0) > self._settings.backlog_age_s:
            raise Busy("too much is waiting already", retry_after_s=_RETRY_AFTER_S)

    async def look(self) -> None:
        """Ask Redis once. While it is away, what was seen last stands: admission itself says that it is away."""
        queues = (Queue.SUBMIT, Queue.SUBMIT_HIGH, Queue.EVENTS)
        async with self._client.pipeline(transaction=False) as pipe:
            pipe.info("memory")
            for queue in queues:
                pipe.llen(keys.ready(queue))
                pipe.lindex(keys.ready(queue), -1)
                pipe.zcard(keys.outbox(queue))
            memory, *answers = await pipe.execute()
        self._seen_at = time.monotonic()
        self.memory_share = memory["used_memory"] / memory["maxmemory"] if memory.get("maxmemory") else 0.0
        for n, queue in enumerate(queues):
            self.depth[queue], oldest, self.outbox[queue] = answers[3 * n : 3 * n + 3]
            self.oldest_s[queue] = _age_s(oldest)

    async def watch(self) -> None:
        """Look again and again, until cancelled."""
        while True:
            try:
                await self.look()
            except (OSError, RedisError, TimeoutError):
                await asyncio.sleep(EVERY_S)
            await asyncio.sleep(EVERY_S)


def _age_s(identifier: bytes | None) -> float:
    """Return how long ago an id was made; webhooks' digests have no age."""
    if identifier is None:
        return 0.0
    try:
        return max(time.time() - made_at_ms(identifier.decode()) / 1000, 0.0)
    except ValueError:
        return 0.0
