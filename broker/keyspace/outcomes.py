"""What came of forms, for all processes."""

from broker.errors import QueueAway
from broker.keyspace import keys
from broker.keyspace.client import AWAY, Async


class Outcomes:
    """Keeps outcomes for a while, by digests that the caller makes. Raises QueueAway while Redis is away."""

    def __init__(self, client: Async, *, life_s: int) -> None:
        self._client = client
        self._life_s = life_s

    async def keep(self, digest: str, outcome: bytes) -> None:
        """Keep an outcome, in place of what came of the same form before."""
        try:
            await self._client.set(keys.outcome(digest), outcome, ex=self._life_s)
        except (*AWAY, TimeoutError) as error:
            raise QueueAway("what came of it cannot be kept now") from error

    async def find(self, digest: str) -> bytes | None:
        """Return an outcome, if it is kept."""
        try:
            found: bytes | None = await self._client.get(keys.outcome(digest))
        except (*AWAY, TimeoutError) as error:
            raise QueueAway("what came of it cannot be looked up now") from error
        return found
