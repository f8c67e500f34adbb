"""Restoring: lanes get back what Redis lost, and lose what waits no more."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from broker.dispatch import Queue
from broker.keyspace import keys
from broker.keyspace.client import Sync
from broker.keyspace.lanes import Place

Lane = tuple[str, str]
"""A connection, and a sender on it."""


class Restoring:
    """Looks at lanes and corrects them. For threads."""

    def __init__(self, client: Sync) -> None:
        self._client = client

    def known(self, connections: Sequence[str]) -> set[Lane]:
        """Return the lanes of connections that have a turn."""
        with self._client.pipeline(transaction=False) as pipe:
            for name in connections:
                pipe.zrange(keys.turns(name), 0, -1)
            found = pipe.execute() if connections else []
        return {
            (name, sender.decode())
            for name, senders in zip(connections, found, strict=True)
            for sender in senders
        }

    def take_turns(self, lanes: Iterable[Lane], *, now_ms: int) -> None:
        """Let each of some lanes have its turn."""
        with self._client.pipeline(transaction=False) as pipe:
            for connection, sender in lanes:
                pipe.zadd(keys.turns(connection), {sender: now_ms}, nx=True)
            pipe.execute()

    def restore(self, places: Sequence[Place]) -> int:
        """Enter what a lane lacks, but what is on its way to a worker already; return how many those were."""
        if not places:
            return 0
        lane, ids = keys.lane(places[0].connection, places[0].sender), [place.id for place in places]
        with self._client.pipeline(transaction=False) as pipe:
            for queue in (Queue.SUBMIT, Queue.SUBMIT_HIGH):
                pipe.zmscore(keys.outbox(queue), ids)
            found = pipe.execute()
        missing = {
            place.id: place.score
            for place, *scores in zip(places, *found, strict=True)
            if all(score is None for score in scores)
        }
        added: Any = self._client.zadd(lane, dict(missing), nx=True) if missing else 0
        return int(added)

    def pages(self, lane: Lane, size: int) -> Iterator[list[str]]:
        """Return the ids in a lane, about `size` at a time."""
        cursor = 0
        while True:
            found: Any = self._client.zscan(keys.lane(*lane), cursor, count=size)
            cursor, page = found
            if page:
                yield [name.decode() for name, _ in page]
            if not cursor:
                return

    def end_detours(self) -> None:
        """Forget detours whose time is over and whose lanes are empty."""
        seconds, _ = self._client.time()  # type: ignore[misc]  # sync client
        detours: Any = self._client.hgetall(keys.detours())
        over = [field.decode() for field, until in detours.items() if int(until) < seconds * 1000]
        with self._client.pipeline(transaction=False) as pipe:
            for field in over:
                connection, _, sender = field.partition(" ")
                pipe.exists(keys.lane(connection, sender) if sender else keys.turns(connection))
            used = pipe.execute() if over else []
        free = [field for field, is_used in zip(over, used, strict=True) if not is_used]
        if free:
            self._client.hdel(keys.detours(), *free)
