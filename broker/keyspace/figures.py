"""What workers count for everybody's metrics."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice

from broker.dispatch import Queue
from broker.keyspace import keys
from broker.keyspace.client import Sync
from broker.keyspace.lanes import CLASS_SCORES, waiting_since

LIFE_MS = 24 * 3600 * 1000
"""How long it lives after the last word: what stands still need not be known."""

LANES_AT_ONCE = 200
"""Most lanes that one round trip looks at."""


class Figures:
    """Counts what became of callbacks, and holds how they stand. For threads."""

    def __init__(self, client: Sync) -> None:
        self._client = client

    def count(self, happened: Mapping[str, int]) -> None:
        """Add to counters."""
        with self._client.pipeline(transaction=False) as pipe:
            for name, number in happened.items():
                pipe.hincrby(keys.figures(), name, number)
            pipe.pexpire(keys.figures(), LIFE_MS)
            pipe.execute()

    def stand(self, values: Mapping[str, int]) -> None:
        """Say how things stand."""
        with self._client.pipeline(transaction=False) as pipe:
            pipe.hset(keys.figures(), mapping=dict(values))
            pipe.pexpire(keys.figures(), LIFE_MS)
            pipe.execute()

    def lanes(self, connections: Iterable[str]) -> dict[str, int]:
        """Return how many wait in lanes, and since when the oldest does (Unix ms, 0: nobody), by their queues."""
        depth = dict.fromkeys((Queue.SUBMIT_HIGH, Queue.SUBMIT), 0)
        since = dict.fromkeys(depth, 0)
        for name in connections:
            senders: list[bytes] = self._client.zrange(keys.turns(name), 0, -1)  # type: ignore[assignment]  # sync
            for some in _chunks([keys.lane(name, sender.decode()) for sender in senders]):
                for queue, number, oldest_ms in self._look(some):
                    depth[queue] += number
                    since[queue] = min(filter(None, (since[queue], oldest_ms)), default=0)
        return {f"lane {queue}": depth[queue] for queue in depth} | {
            f"laned {queue}": since[queue] for queue in since
        }

    def _look(self, lanes: Sequence[str]) -> Iterator[tuple[Queue, int, int]]:
        with self._client.pipeline(transaction=False) as pipe:
            for lane in lanes:
                for first, last in CLASS_SCORES:
                    pipe.zcount(lane, first, f"({last}")
                    pipe.zrangebyscore(lane, first, f"({last}", start=0, num=1, withscores=True)
            answers = pipe.execute()
        for n in range(0, len(answers), 2):
            number, head = answers[n : n + 2]
            high = (n // 2) % len(CLASS_SCORES) == 0
            oldest_ms = waiting_since(head[0][1]) if head else 0
            yield Queue.SUBMIT_HIGH if high else Queue.SUBMIT, number, oldest_ms


def _chunks(lanes: Sequence[str]) -> Iterator[list[str]]:
    rest = iter(lanes)
    while some := list(islice(rest, LANES_AT_ONCE)):
        yield some
