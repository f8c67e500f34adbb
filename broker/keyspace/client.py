"""The one factory of Redis clients."""

from typing import Any

import redis
import redis.asyncio
from redis.asyncio.retry import Retry as AsyncRetry
from redis.backoff import NoBackoff
from redis.retry import Retry

from broker.settings import Settings

AWAY = (redis.RedisError, OSError)
"""What is raised while Redis cannot be reached or does not serve."""

Async = redis.asyncio.Redis
Sync = redis.Redis


def open_async(url: str, settings: Settings) -> Async:
    """Return an asyncio client; every wait ends, and nothing is repeated behind our back."""
    client: Async = redis.asyncio.Redis.from_url(url, retry=AsyncRetry(NoBackoff(), 0), **_options(settings))
    return client


def open_sync(url: str, settings: Settings) -> Sync:
    """Return a blocking client, for threads; every wait ends, and nothing is repeated behind our back."""
    return redis.Redis.from_url(url, retry=Retry(NoBackoff(), 0), **_options(settings))


def _options(settings: Settings) -> dict[str, Any]:
    return {
        "socket_timeout": settings.redis_timeout_s,
        "socket_connect_timeout": settings.redis_timeout_s,
        "socket_keepalive": True,
        "retry_on_timeout": False,
        "health_check_interval": 0,
        "client_name": "broker",
    }
