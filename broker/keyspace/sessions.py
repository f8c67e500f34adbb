"""Who is signed in to the console, for all processes."""

from broker.errors import QueueAway
from broker.keyspace import keys
from broker.keyspace.client import AWAY, Async


class Sessions:
    """Keeps sessions by digests of the browsers' secrets, given by the caller. Raises QueueAway while Redis is away."""

    def __init__(self, client: Async, *, life_s: int) -> None:
        self._client = client
        self._life_s = life_s

    async def begin(self, digest: str, session: bytes) -> None:
        """Keep a session for its life."""
        try:
            await self._client.set(keys.session(digest), session, ex=self._life_s)
        except (*AWAY, TimeoutError) as error:
            raise QueueAway("nobody can be signed in now") from error

    async def find(self, digest: str) -> bytes | None:
        """Return a session, if it lives."""
        try:
            found: bytes | None = await self._client.get(keys.session(digest))
        except (*AWAY, TimeoutError) as error:
            raise QueueAway("sessions cannot be looked up now") from error
        return found

    async def end(self, digest: str) -> None:
        """Forget a session."""
        try:
            await self._client.unlink(keys.session(digest))
        except (*AWAY, TimeoutError) as error:
            raise QueueAway("nobody can be signed out now") from error
