"""What a Redis server says about itself, for people."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import redis

from broker.dispatch import Queue
from broker.errors import Busy
from broker.keyspace import durability, keys, presence
from broker.keyspace.client import open_sync
from broker.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A queue: how many ids wait, and the older of those that are next."""

    count: int
    oldest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """One look at a server. Memory is in bytes, `most` 0 where there is no limit; `clock_s` is how far it is behind.

    `heard` says for how many seconds each queue's workers have been silent; `led`, whether a scheduler is active.
    """

    version: str
    policy: str
    keeps_file: bool
    fsync: str
    followed: bool
    used: int
    most: int
    clock_s: float
    waiting: Mapping[Queue, Waiting]
    heard: Mapping[str, float]
    led: bool


def look(url: str, settings: Settings) -> Health:
    """Return how a server is.

    Raises:
        Busy: it does not answer.
    """
    client: Any = open_sync(url, settings)  # redis types its answers for both its clients at once
    try:
        info = client.info()
        seconds, micros = client.time()
        return Health(
            version=info["redis_version"],
            policy=info.get("maxmemory_policy", ""),
            keeps_file=bool(info.get("aof_enabled")),
            fsync=_fsync(client),
            followed=durability.has_replica(info),
            used=info["used_memory"],
            most=info.get("maxmemory", 0),
            clock_s=time.time() - (seconds + micros / 1e6),
            waiting={queue: _waiting(client, queue) for queue in Queue},
            heard=presence.heard(client),
            led=bool(client.exists(keys.leader())),
        )
    except (redis.RedisError, OSError) as error:
        raise Busy(f"Redis does not answer: {error}") from error
    finally:
        client.close()


def _waiting(client: Any, queue: Queue) -> Waiting:
    firsts = [client.lindex(keys.ready(queue), -1), *client.zrange(keys.fresh(queue), 0, 0)]
    count = client.llen(keys.ready(queue)) + client.zcard(keys.fresh(queue))
    return Waiting(count=count, oldest=min((first.decode() for first in firsts if first), default=""))


def _fsync(client: Any) -> str:
    """Return when writes reach the disk; managed servers do not say."""
    try:
        return str(client.config_get("appendfsync").get("appendfsync", "unknown"))
    except redis.ResponseError:
        return "unknown"
