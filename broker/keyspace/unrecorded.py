"""Messages that are ours and that SQL does not hold yet."""

from collections.abc import Iterator
from contextlib import contextmanager

from redis.exceptions import RedisError

from broker.domain.message import Message
from broker.errors import QueueAway
from broker.keyspace import keys
from broker.keyspace.client import Async
from broker.keyspace.content import decode


class Unrecorded:
    """Finds messages by id while they wait for their first take."""

    def __init__(self, client: Async) -> None:
        self._client = client

    async def find(self, message_id: str) -> Message | None:
        """Return the message, or None.

        Raises:
            QueueAway: Redis cannot be asked.
        """
        with _asking():
            content = await self._client.get(keys.content(message_id))
        return None if content is None else decode(content)

    async def named(self, account: str, key: str) -> str | None:
        """Return the id of the message that an account sent under an idempotency key, as long as that is remembered.

        Raises:
            Busy: Redis cannot be asked.
        """
        with _asking():
            told = await self._client.get(keys.idempotency(account, key))
        # "<digest> <batch or -> <ids>", as admission wrote it.
        words = [] if told is None else told.decode().split(" ")
        return words[2] if len(words) == 3 else None  # noqa: PLR2004  # of several messages, none is meant

    async def remembers(self, account: str, key: str) -> bool:
        """Say whether an account sent anything under an idempotency key, as long as that is remembered.

        Raises:
            QueueAway: Redis cannot be asked.
        """
        with _asking():
            return bool(await self._client.exists(keys.idempotency(account, key)))

    async def numbered(self, number: int) -> list[Message]:
        """Return those messages of a public number that wait.

        Raises:
            QueueAway: Redis cannot be asked.
        """
        with _asking():
            kept = await self._client.get(keys.number(number))
            _, _, *ids = (kept or b"- -").decode().split(" ")
            found = await self._client.mget([keys.content(name) for name in ids]) if ids else []
        return [decode(content) for content in found if content is not None]


@contextmanager
def _asking() -> Iterator[None]:
    try:
        yield
    except (OSError, RedisError, TimeoutError) as error:
        raise QueueAway("messages cannot be looked up now") from error
