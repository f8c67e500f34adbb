"""Messages that are ours and that SQL does not hold yet."""

from redis.exceptions import RedisError

from broker.domain.message import Message
from broker.errors import Busy
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
            Busy: Redis cannot be asked.
        """
        try:
            content = await self._client.get(keys.content(message_id))
        except (OSError, RedisError, TimeoutError) as error:
            raise Busy("messages cannot be looked up now") from error
        return None if content is None else decode(content)
