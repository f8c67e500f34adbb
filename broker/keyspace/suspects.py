"""Ids that broke their takes more than once: what is known of them, and their content as it is."""

from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from broker.dispatch import Queue
from broker.domain.dead import DIED, Trace
from broker.keyspace import keys
from broker.keyspace.client import Sync
from broker.keyspace.content import Webhook, encode_webhook


class Suspects:
    """Remembers, over the death of a worker, that an id was being tried alone. For threads."""

    def __init__(self, client: Sync) -> None:
        self._client = client
        self._acquitted: set[tuple[Queue, str]] = set()

    def begin(self, queue: Queue, name: str, *, until_ms: int) -> None:
        """Note that an id is tried alone now; if nothing more is heard by then, its worker counts as dead."""
        self._client.hset(keys.suspects(queue), name, str(until_ms))

    def tell(self, queue: Queue, name: str, trace: Trace) -> None:
        """Note how that try ended."""
        self._client.hset(keys.suspects(queue), name, orjson.dumps([trace.error, trace.where]).decode())

    def told(self, queue: Queue, names: Sequence[str], *, now_ms: int) -> dict[str, Trace | None]:
        """Return how the last try of those that were tried alone ended; None: it may still run."""
        for name in [name for name in names if (queue, name) in self._acquitted]:
            self.acquit(queue, name)
        if not names:
            return {}
        found: Any = self._client.hmget(keys.suspects(queue), list(names))
        return {
            name: _trace(told, now_ms) for name, told in zip(names, found, strict=True) if told is not None
        }

    def acquit(self, queue: Queue, name: str) -> None:
        """Forget that an id was tried alone; where Redis is away just now, the note of it counts for nothing."""
        self._acquitted.add((queue, name))
        self._client.hdel(keys.suspects(queue), name)
        self._acquitted.discard((queue, name))

    def contents(self, names: Sequence[str]) -> dict[str, bytes]:
        """Return what is kept under keys of contents, as it is."""
        found: Any = self._client.mget(list(names)) if names else []
        return {name: body for name, body in zip(names, found, strict=True) if body is not None}

    def restore(self, webhooks: Mapping[str, Webhook], *, now_ms: int) -> None:
        """Take webhooks in again: the scheduler finds that they are overdue, and enters them."""
        if not webhooks:
            return
        with self._client.pipeline() as pipe:
            pipe.mset({keys.webhook(digest): encode_webhook(one) for digest, one in webhooks.items()})
            pipe.hdel(keys.taken(Queue.EVENTS), *webhooks)
            pipe.zadd(keys.outbox(Queue.EVENTS), dict.fromkeys(webhooks, now_ms))
            pipe.execute()


def _trace(told: bytes, now_ms: int) -> Trace | None:
    if told.isdigit():
        return Trace(error=DIED) if int(told) <= now_ms else None
    error, where = orjson.loads(told)
    return Trace(error=error, where=tuple(where))
