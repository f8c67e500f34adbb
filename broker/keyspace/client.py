"""The one factory of Redis clients."""

import time
from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

import redis
import redis.asyncio
import redis.client
from redis.asyncio.retry import Retry as AsyncRetry
from redis.backoff import NoBackoff
from redis.retry import Retry

from broker.metrics.measures import REDIS_CALLS, REDIS_ERRORS
from broker.metrics.meter import Meter
from broker.settings import Settings

T = TypeVar("T")

AWAY = (redis.RedisError, OSError)
"""What is raised while Redis cannot be reached or does not serve."""

_SILENT = (redis.ConnectionError, redis.TimeoutError, OSError)

Async = redis.asyncio.Redis
Sync = redis.Redis


def open_async(url: str, settings: Settings) -> Async:
    """Return an asyncio client; every wait ends, and nothing is repeated behind our back."""
    client: Async = redis.asyncio.Redis.from_url(url, retry=AsyncRetry(NoBackoff(), 0), **_options(settings))
    return client


def open_sync(url: str, settings: Settings, *, meter: Meter | None = None) -> Sync:
    """Return a blocking client, for threads; every wait ends, and nothing is repeated behind our back.

    A meter is told how long each round trip took.
    """
    kind = redis.Redis if meter is None else _Metered
    client: Sync = kind.from_url(url, retry=Retry(NoBackoff(), 0), **_options(settings))
    if isinstance(client, _Metered):
        client.meter = meter
    return client


class _Metered(redis.Redis):
    """A client that says how long its round trips took."""

    meter: Meter | None = None

    def execute_command(self, *args: Any, **options: Any) -> Any:
        call = partial(super().execute_command, *args, **options)
        return _timed(self.meter, call)

    def pipeline(self, transaction: bool = True, shard_hint: Any = None) -> "_MeteredPipeline":
        pipe = _MeteredPipeline(self.connection_pool, self.response_callbacks, transaction, shard_hint)
        pipe.meter = self.meter
        return pipe


class _MeteredPipeline(redis.client.Pipeline):
    meter: Meter | None = None

    def execute(self, raise_on_error: bool = True) -> Any:
        return _timed(self.meter, partial(super().execute, raise_on_error))


def _timed(meter: Meter | None, call: Callable[[], T]) -> T:
    if meter is None:
        return call()
    started = time.perf_counter()
    try:
        return call()
    except _SILENT:
        meter.count(REDIS_ERRORS)
        raise
    finally:
        meter.time(REDIS_CALLS, time.perf_counter() - started)


def _options(settings: Settings) -> dict[str, Any]:
    return {
        "socket_timeout": settings.redis_timeout_s,
        "socket_connect_timeout": settings.redis_timeout_s,
        "socket_keepalive": True,
        "retry_on_timeout": False,
        "health_check_interval": 0,
        "client_name": "broker",
    }
