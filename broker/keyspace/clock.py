"""Redis's clock: the only one that leases go by."""

import time

from redis.exceptions import RedisError

from broker.errors import QueueAway
from broker.keyspace.client import Async


class Clock:
    """Tells the time; while Redis is away it counts on from Redis's last answer."""

    def __init__(self, client: Async) -> None:
        self._client = client
        self._heard: tuple[int, float] | None = None

    async def now_ms(self) -> int:
        """Return the Unix time in ms.

        Raises:
            QueueAway: Redis has never answered.
        """
        try:
            seconds, micros = await self._client.time()
        except (OSError, RedisError, TimeoutError) as error:
            if self._heard is None:
                raise QueueAway("the time is not known") from error
            then_ms, at = self._heard
            return then_ms + round((time.monotonic() - at) * 1000)
        now_ms = int(seconds) * 1000 + int(micros) // 1000
        self._heard = now_ms, time.monotonic()
        return now_ms
