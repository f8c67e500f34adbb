"""What a Redis server promises about its writes, and whether that is enough."""

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from redis.exceptions import ResponseError

from broker.errors import ConfigurationError
from broker.settings import Durability

Ask = Callable[..., Awaitable[Any]]
"""Send one command, given as its words, and return the bare answer."""


Waits = Sequence[tuple[str | int, ...]]
"""Commands without a time of their own that are answered once what went before them is safe enough."""

_DISK: Waits = (("WAITAOF", 1, 0, 0),)
_REPLICA: Waits = (("WAIT", 1, 0),)
_SILENT_S = 3
"""After so long without a word a replica does not follow; a healthy one speaks each second."""


async def check(ask: Ask, level: Durability) -> Waits:
    """Return what must be sent after each batch, and answered, to reach the level.

    Raises:
        ConfigurationError: the server cannot give the level.
    """
    if level is Durability.MEMORY:
        return ()
    memory = _fields(await ask("INFO", "memory"))
    if (policy := memory.get("maxmemory_policy", "noeviction")) != "noeviction":
        raise ConfigurationError(f"Redis evicts keys (maxmemory-policy {policy}): set it to noeviction")
    if _fields(await ask("INFO", "persistence")).get("aof_enabled") != "1":
        raise ConfigurationError("Redis keeps nothing on disk: set appendonly yes, or durability memory")
    if level is Durability.AOF:
        return ()
    if level is Durability.REPLICA:
        if not has_replica(_fields(await ask("INFO", "replication"))):
            raise ConfigurationError(
                "Redis has no replica that follows it: start one, or set durability fsync"
            )
        return (*await _disk(ask), *_REPLICA)
    return await _disk(ask)


def has_replica(replication: Mapping[str, Any]) -> bool:
    """Say whether somebody follows a server, by what it says of its replication: as text, or read already."""
    each = (_pairs(value) for name, value in replication.items() if re.fullmatch(r"slave\d+", name))
    return any(one.get("state") == "online" and int(one.get("lag", 0)) <= _SILENT_S for one in each)


def _pairs(replica: str | Mapping[str, Any]) -> Mapping[str, Any]:
    if isinstance(replica, str):
        return dict(pair.split("=", 1) for pair in replica.split(","))
    return replica


async def _disk(ask: Ask) -> Waits:
    if await _synchronous(ask):
        return ()
    if await _knows_waitaof(ask):
        return _DISK
    raise ConfigurationError(
        "Redis does not fsync before it answers: set appendfsync always, or durability aof"
    )


async def _synchronous(ask: Ask) -> bool:
    """Say whether every write is on disk before it is answered, also while the file is being rewritten."""
    try:
        options = (
            await ask("CONFIG", "GET", "appendfsync"),
            await ask("CONFIG", "GET", "no-appendfsync-on-rewrite"),
        )
    except ResponseError:  # managed servers refuse CONFIG
        return False
    found = {_text(option[0]): _text(option[1]) for option in options if len(option) > 1}
    return found == {"appendfsync": "always", "no-appendfsync-on-rewrite": "no"}


async def _knows_waitaof(ask: Ask) -> bool:
    answer = await ask("COMMAND", "INFO", "WAITAOF")
    return bool(answer and answer[0])


def _fields(info: bytes) -> Mapping[str, str]:
    pairs = (line.partition(":") for line in _text(info).splitlines())
    return {name: value for name, _, value in pairs}


def _text(value: bytes | str) -> str:
    return value.decode() if isinstance(value, bytes) else value
