"""How much waits where in Redis, and since when."""

import json
import time
from collections.abc import Mapping, Sequence
from typing import Any

from broker.dispatch import Queue
from broker.domain.value import value
from broker.keyspace import keys
from broker.keyspace.circuits import FIELDS, Circuit, circuit_of
from broker.keyspace.client import Async, Sync

UNACKNOWLEDGED = "unacked"
"""Where kombu keeps rings that a worker holds; a hash, each value the ring with its exchange and routing key."""

MOST_RINGS = 1000
"""Most unacknowledged rings that are looked into: there are only as many as workers have threads."""


@value
class Census:
    """What was seen in one look.

    `depth` has, by queue and state, how much waits: `admitted` is what SQL does not hold yet, `ready` what it holds and
    a take may have, `lane` what waits for a slot, `scheduled` what waits for its time; each id counts once. `ring` and
    `unacknowledged` are Celery's: doorbells, not work. `oldest_s` is for how long what has waited longest has done so,
    `unrecorded_s` the same of what SQL does not hold.
    """

    at: float
    depth: Mapping[tuple[Queue, str], int]
    oldest_s: Mapping[Queue, float]
    unrecorded_s: float
    memory_share: float
    circuits: Mapping[str, Circuit]
    figures: Mapping[str, int]

    def work(self) -> dict[str, int]:
        """Return what waits for a take or a slot, by queue; not what waits for its time, and no rings.

        Of callbacks it is what is owed, as a sweep counted it last: all of them lie in SQL.
        """
        waiting = {
            str(queue): sum(self.depth[queue, state] for state in ("admitted", "ready", "lane"))
            for queue in Queue
        }
        return {**waiting, str(Queue.CALLBACKS): self.figures.get("owed", 0)}

    def waiting(self) -> dict[str, int]:
        """Return what waits by queue, of sweeps their rings: each is one round."""
        return {**self.work(), str(Queue.SWEEPS): self.depth[Queue.SWEEPS, "ring"]}


WORDS = 9
"""Answers for each queue."""


async def look(client: Async, connections: Sequence[str]) -> Census:
    """Look, from the loop of the ingress."""
    async with client.pipeline(transaction=False) as pipe:
        now_ms = _ask(pipe, connections)
        answers = await pipe.execute()
    return _read(answers, connections, now_ms)


def look_from_thread(client: Sync, connections: Sequence[str]) -> Census:
    """Look, from a thread."""
    with client.pipeline(transaction=False) as pipe:
        now_ms = _ask(pipe, connections)
        answers = pipe.execute()
    return _read(answers, connections, now_ms)


def _ask(pipe: Any, connections: Sequence[str]) -> float:
    now_ms = time.time() * 1000
    # Popped ones are due within a minute, the others a day after they came.
    unpopped = now_ms + keys.UNPOPPED_MS / 2
    pipe.info("memory")
    pipe.hgetall(keys.figures())
    pipe.hlen(UNACKNOWLEDGED)
    pipe.hscan(UNACKNOWLEDGED, 0, count=MOST_RINGS)
    for queue in Queue:
        pipe.llen(queue)
        pipe.llen(keys.ready(queue))
        pipe.zcard(keys.due(queue))
        pipe.zcard(keys.fresh(queue))
        pipe.zcard(keys.outbox(queue))
        pipe.zcount(keys.outbox(queue), unpopped, "+inf")
        pipe.zrangebyscore(keys.outbox(queue), unpopped, "+inf", start=0, num=1, withscores=True)
        pipe.zcard(keys.schedule(queue))
        pipe.zrange(keys.schedule(queue), 0, 0, withscores=True)
    for name in connections:
        pipe.hmget(keys.breaker(name), FIELDS)
    return now_ms


def _read(answers: Sequence[Any], connections: Sequence[str], now_ms: float) -> Census:
    memory, figures, unacknowledged, (_, held), *rest = answers
    standing = {_text(name): int(number) for name, number in figures.items()}
    depth: dict[tuple[Queue, str], int] = {}
    oldest: dict[Queue, float] = {}
    since_ms = now_ms
    for n, queue in enumerate(Queue):
        rings, ready, turns, fresh, admitted, unpopped, first, scheduled, due = rest[
            WORDS * n : WORDS * (n + 1)
        ]
        depth[queue, "ring"] = rings
        depth[queue, "admitted"] = admitted
        # What has a slot is on the list and in the outbox.
        depth[queue, "ready"] = max(ready - max(unpopped - fresh, 0), 0) + turns
        depth[queue, "scheduled"] = scheduled
        depth[queue, "lane"] = standing.get(f"lane {queue}", 0)
        came_ms = first[0][1] - keys.UNPOPPED_MS if first else now_ms
        since_ms = min(since_ms, came_ms)
        due_ms = due[0][1] if due else now_ms
        laned_ms = standing.get(f"laned {queue}", 0) or now_ms
        oldest[queue] = max(now_ms - min(came_ms, due_ms, laned_ms), 0.0) / 1000
    for queue in Queue:
        depth[queue, "unacknowledged"] = 0
    for ring in held.values():
        depth[_queue_of(ring), "unacknowledged"] += 1
    depth[Queue.SWEEPS, "unacknowledged"] += max(unacknowledged - len(held), 0)
    oldest_ms = standing.get("oldest_ms", 0)
    oldest[Queue.CALLBACKS] = max((now_ms - oldest_ms) / 1000, 0.0) if oldest_ms else 0.0
    limit = memory.get("maxmemory")
    return Census(
        at=now_ms / 1000,
        depth=depth,
        oldest_s=oldest,
        unrecorded_s=max(now_ms - since_ms, 0.0) / 1000,
        memory_share=memory["used_memory"] / limit if limit else 0.0,
        circuits=dict(zip(connections, map(circuit_of, rest[WORDS * len(Queue) :]), strict=True)),
        figures=standing,
    )


def _queue_of(ring: bytes) -> Queue:
    """Return which queue's ring this is; kombu writes it as [ring, exchange, routing key]."""
    try:
        return Queue(json.loads(ring)[2])
    except (ValueError, IndexError, TypeError):
        return Queue.SWEEPS


def _text(name: str | bytes) -> str:
    return name if isinstance(name, str) else name.decode()
