"""What workers count for everybody's metrics."""

from collections.abc import Mapping

from broker.keyspace import keys
from broker.keyspace.client import Sync

LIFE_MS = 24 * 3600 * 1000
"""How long it lives after the last word: what stands still need not be known."""


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
