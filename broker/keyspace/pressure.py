"""How far behind we are, and whether to slow the door."""

import asyncio
import time

from redis.exceptions import RedisError

from broker.dispatch import Queue
from broker.errors import Busy
from broker.keyspace import keys
from broker.keyspace.client import Async
from broker.keyspace.content import decode
from broker.keyspace.flows import CLASS_TURNS, flow_of
from broker.settings import Settings

EVERY_S = 1.0
"""Time between two looks."""

LATELY_S = 3.0
"""How old the last look at Redis may be before it counts as away."""

_RETRY_AFTER_S = 5
_HEADS = 1000
"""Most of those whose turn is next that are looked at: one for each account that has something waiting."""


class Pressure:
    """Looks at the backlog and at Redis's memory now and then, and says between two looks what was seen last."""

    def __init__(self, client: Async, settings: Settings) -> None:
        self._client = client
        self._settings = settings
        self._limit_ms = settings.backlog_age_s * 1000
        self.depth: dict[Queue, int] = {}
        self.oldest_s: dict[Queue, float] = {}
        self.outbox: dict[Queue, int] = {}
        self.memory_share = 0.0
        self._late: dict[Queue, frozenset[str]] = {}
        self._seen_at = float("-inf")

    async def is_seen(self) -> bool:
        """Say whether Redis answered lately."""
        return time.monotonic() - self._seen_at < LATELY_S

    def check(self, queue: Queue, flow: str) -> None:
        """Return if there is room for more of a flow. One that has waited for long slows nobody but itself.

        Raises:
            Busy: what came first of the flow waits for too long already, or Redis is nearly full.
        """
        if self.memory_share > self._settings.redis_memory_watermark:
            raise Busy("the store is nearly full", retry_after_s=_RETRY_AFTER_S)
        if queue in self._late and flow in self._late[queue]:
            raise Busy("too much is waiting already", retry_after_s=_RETRY_AFTER_S)

    async def look(self) -> None:
        """Ask Redis once. While it is away, what was seen last stands: admission itself says that it is away."""
        queues = (Queue.SUBMIT, Queue.SUBMIT_HIGH, Queue.EVENTS)
        now_ms = time.time() * 1000
        async with self._client.pipeline(transaction=False) as pipe:
            pipe.info("memory")
            for queue in queues:
                pipe.llen(keys.ready(queue))
                pipe.zcard(keys.fresh(queue))
                # Popped ones are due within a minute, the others a day after they came: the first of these has waited
                # longest. An id in the ready list may be old without having waited: it was scheduled, or is a retry.
                pipe.zrangebyscore(
                    keys.outbox(queue), now_ms + keys.UNPOPPED_MS / 2, "+inf", start=0, num=1, withscores=True
                )
                pipe.zcard(keys.outbox(queue))
            memory, *answers = await pipe.execute()
        self._seen_at = time.monotonic()
        self.memory_share = memory["used_memory"] / memory["maxmemory"] if memory.get("maxmemory") else 0.0
        for n, queue in enumerate(queues):
            ready, fresh, unpopped, self.outbox[queue] = answers[4 * n : 4 * n + 4]
            self.depth[queue] = ready + fresh
            came_ms = unpopped[0][1] - keys.UNPOPPED_MS if unpopped else now_ms
            self.oldest_s[queue] = max((now_ms - came_ms) / 1000, 0.0)
            is_late = self.oldest_s[queue] * 1000 > self._limit_ms
            self._late[queue] = await self._late_flows(queue, now_ms) if is_late else frozenset()

    async def _late_flows(self, queue: Queue, now_ms: float) -> frozenset[str]:
        """Return whose first in line has waited for too long: each flow's is among those whose turn is next."""
        async with self._client.pipeline(transaction=False) as pipe:
            for class_ in (0, 1):
                first, last = class_ * CLASS_TURNS, f"({(class_ + 1) * CLASS_TURNS}"
                pipe.zrangebyscore(keys.fresh(queue), first, last, start=0, num=_HEADS)
            normal, bulk = await pipe.execute()
        heads = [*normal, *bulk]
        if not heads or queue is Queue.EVENTS:
            return frozenset()
        due = await self._client.zmscore(keys.outbox(queue), heads)
        since, before = now_ms + keys.UNPOPPED_MS / 2, now_ms + keys.UNPOPPED_MS - self._limit_ms
        waiting = zip(heads, due, strict=True)
        late = [keys.content(_text(one)) for one, at in waiting if at is not None and since < at < before]
        found = await self._client.mget(late) if late else []
        messages = (decode(content) for content in found if content)
        return frozenset(flow_of(one) for one in messages)

    async def watch(self) -> None:
        """Look again and again, until cancelled."""
        while True:
            try:
                await self.look()
            except (OSError, RedisError, TimeoutError):
                await asyncio.sleep(EVERY_S)
            await asyncio.sleep(EVERY_S)


def _text(name: str | bytes) -> str:
    return name if isinstance(name, str) else name.decode()
