"""What waits for a take, seen from a worker."""

import time
from collections import Counter, deque
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from typing import Any

from broker.dispatch import Queue, ring
from broker.domain.message import Message
from broker.keyspace import content, keys
from broker.keyspace.client import AWAY, Sync

LONGEST_MS = 60_000
"""Longest time a popped id may go unrecorded before it is put back."""

COMPANY_MS = 2_000
"""For how long after its last message an account counts as company of a crowd."""

_LUA = Path(__file__).parent / "lua"


class Share(IntEnum):
    """Whose a take is, where more waits than it holds: a crowd's that has company, or the company's alone."""

    ALL = 0
    COMPANY = 1
    CROWD = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Popped:
    """Ids, the number of each one's try that may begin now, from 1, and Redis's clock in ms."""

    ids: tuple[str, ...]
    tries: Mapping[str, int]
    now_ms: int
    share: Share


class Ready:
    """Pops ids, fetches and drops their content, pushes ids whose content SQL holds. For threads."""

    def __init__(self, client: Sync, *, rings: int, put_back_s: float) -> None:
        self._client = client
        self._rings = rings
        self._put_back_ms = round(put_back_s * 1000)
        self._heard: tuple[int, float] | None = None
        self._unforgiven: deque[tuple[Queue, Sequence[str]]] = deque()
        self.popped: Counter[Queue] = Counter()
        """How many ids this process took, by queue; a take that two threads note at once may be missed."""
        self._pop, self._push = (
            client.register_script((_LUA / f"{n}.lua").read_text()) for n in ("pop", "push")
        )

    def pop(self, queue: Queue, most: int, *, crowd: int | None = None, alone: bool = False) -> Popped:
        """Take up to `most` ids; another take is rung for when more are left.

        Of a crowd up to `crowd` where it has company: accounts of which nothing else waited. They may be taken `alone`.
        """
        self._forgive_late()
        company = (-1 if crowd is None else crowd, int(alone), COMPANY_MS)
        answer: list[Any] = self._pop(
            keys=[
                keys.ready(queue),
                keys.outbox(queue),
                keys.taken(queue),
                queue,
                keys.fresh(queue),
                keys.rounds(queue),
            ],
            args=[most, self._put_back_ms, LONGEST_MS, self._rings, ring(queue), *company],
        )
        ids = tuple(word.decode() for word in answer[2::2])
        tries = dict(zip(ids, answer[3::2], strict=True))
        self.popped[queue] += len(ids)
        return Popped(ids=ids, tries=tries, now_ms=answer[0], share=Share(answer[1]))

    def push(self, queue: Queue, ids: Sequence[str]) -> None:
        """Enter ids whose content SQL holds, and ring."""
        if ids:
            self._push(keys=[keys.ready(queue), queue], args=[self._rings, ring(queue), *ids])

    def oldest_ms(self, queue: Queue) -> int | None:
        """Return when the entry came that has waited longest to be taken for the first time (Unix ms)."""
        unpopped: Any = self._client.zrangebyscore(
            keys.outbox(queue), self.now_ms() + keys.UNPOPPED_MS // 2, "+inf", start=0, num=1, withscores=True
        )
        return round(unpopped[0][1]) - keys.UNPOPPED_MS if unpopped else None

    def waiting(self, queue: Queue) -> int:
        """Return how many ids wait that SQL holds and that are due."""
        with self._client.pipeline(transaction=False) as pipe:
            pipe.llen(keys.ready(queue))
            pipe.zcard(keys.due(queue))
            return sum(map(int, pipe.execute()))

    def fresh(self, queue: Queue) -> int:
        """Return how many ids wait that SQL does not hold yet."""
        return int(self._client.zcard(keys.fresh(queue)))  # type: ignore[arg-type]  # sync client

    def messages(self, ids: Sequence[str]) -> dict[str, Message]:
        """Return the messages that were admitted and are not in SQL yet, a group's other members among them."""
        found = self._fetch(ids, keys.content)
        messages = {name: content.decode(body) for name, body in found.items()}
        others = {name for one in messages.values() for name in one.members} - messages.keys()
        members = self._fetch(sorted(others), keys.content)
        return messages | {name: content.decode(body) for name, body in members.items()}

    def webhooks(self, digests: Sequence[str]) -> dict[str, content.Webhook]:
        """Return the webhooks that were taken in and are not in the journal yet."""
        found = self._fetch(digests, keys.webhook)
        return {digest: content.decode_webhook(body) for digest, body in found.items()}

    def drop(self, queue: Queue, ids: Iterable[str], *, contents: Iterable[str] = ()) -> None:
        """Forget ids that SQL holds now, and the content under the given keys."""
        gone, bodies = list(ids), list(contents)
        if not gone:
            return
        with self._client.pipeline(transaction=False) as pipe:
            if bodies:
                pipe.unlink(*bodies)
            pipe.zrem(keys.outbox(queue), *gone)
            pipe.hdel(keys.taken(queue), *gone)
            pipe.execute()

    def begin(self, queue: Queue, tries: Mapping[str, int]) -> None:
        """Count that tries begin, given by their numbers: a pop of which nobody learnt counts against no id."""
        if tries:
            self._client.hset(keys.taken(queue), mapping=dict(tries))

    def forgive(self, queue: Queue, ids: Sequence[str]) -> None:
        """Take back that a try began, for those that still wait; where Redis is away now, before the next pop."""
        try:
            counted: Any = self._client.hmget(keys.taken(queue), list(ids))
            with self._client.pipeline(transaction=False) as pipe:
                for name, begun in zip(ids, counted, strict=True):
                    if begun is not None and int(begun) > 0:
                        pipe.hincrby(keys.taken(queue), name, -1)
                pipe.execute()
        except AWAY:
            self._unforgiven.append((queue, ids))
            raise

    def _forgive_late(self) -> None:
        with suppress(IndexError):  # another thread was faster
            while self._unforgiven:
                self.forgive(*self._unforgiven.popleft())

    def now_ms(self) -> int:
        """Return Redis's clock: the only one that leases and due times go by.

        While Redis is away it is counted on from its last answer: what a carrier said must be recorded all the same.
        """
        try:
            seconds, micros = self._client.time()  # type: ignore[misc]  # sync client
        except AWAY:
            if self._heard is None:
                raise
            then_ms, at = self._heard
            return then_ms + round((time.monotonic() - at) * 1000)
        return self.hear(int(seconds) * 1000 + int(micros) // 1000)

    def hear(self, now_ms: int) -> int:
        """Return Redis's clock as it was read just now, and count on from it while Redis is away."""
        self._heard = now_ms, time.monotonic()
        return now_ms

    def close(self) -> None:
        """Disconnect; the schedule of the same client goes with it."""
        self._client.close()

    def _fetch(self, names: Sequence[str], key: Any) -> dict[str, bytes]:
        if not names:
            return {}
        bodies: Any = self._client.mget([key(name) for name in names])
        return {name: body for name, body in zip(names, bodies, strict=True) if body is not None}
