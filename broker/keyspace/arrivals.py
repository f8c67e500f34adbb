"""The door for carriers' webhooks."""

import asyncio
from collections.abc import Sequence
from hashlib import sha256

from broker import dispatch
from broker.dispatch import Queue
from broker.keyspace import keys
from broker.keyspace.content import Webhook, encode_webhook
from broker.keyspace.gathering import Gathering
from broker.keyspace.line import Line, Script, Word
from broker.settings import Settings

MOST_TOGETHER = 200
"""Most webhooks of one script call, so that Redis is never held up for long."""

PATIENCE_S = 1.0
"""Longest wait for Redis: the carrier must be answered within two seconds, also when the spool is needed."""

_QUEUE_KEYS = (
    keys.fresh(Queue.EVENTS),
    keys.rounds(Queue.EVENTS),
    keys.outbox(Queue.EVENTS),
    str(Queue.EVENTS),
)


class Arrivals:
    """Takes in webhooks in micro-batches; a repeated one that still waits is not entered again."""

    def __init__(self, url: str, settings: Settings) -> None:
        self._line = Line(url, Script("arrive"), level=settings.durability, patience_s=PATIENCE_S)
        self._fixed: tuple[Word, ...] = (keys.UNPOPPED_MS, settings.worker_threads)
        self._gathering: Gathering[Webhook, None] = Gathering(self._together, most=MOST_TOGETHER)

    async def arrive(self, webhook: Webhook) -> None:
        """Make the webhook ours.

        Raises:
            Busy, OutcomeUncertain: Redis is away; taking it again later is safe.
        """
        await self._gathering.join(webhook)

    async def arrive_all(self, webhooks: Sequence[Webhook]) -> None:
        """Make all of these ours, or raise as `arrive` does."""
        await asyncio.gather(*map(self._gathering.join, webhooks))

    async def close(self) -> None:
        """Finish what waits and disconnect."""
        await self._gathering.finish()
        await self._line.close()

    async def _together(self, webhooks: Sequence[Webhook], since: float) -> Sequence[None]:
        names = [*_QUEUE_KEYS, *(keys.webhook(_digest(webhook)) for webhook in webhooks)]
        words = [*self._fixed, dispatch.ring(Queue.EVENTS), *map(encode_webhook, webhooks)]
        await self._line.run(names, words, since=since)
        return [None] * len(webhooks)


def _digest(webhook: Webhook) -> str:
    return sha256(webhook.connection.encode() + b"\n" + webhook.body).hexdigest()
