"""What a Redis server promises about its writes, and whether that is enough."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from redis.exceptions import ResponseError

from broker.errors import ConfigurationError
from broker.settings import Durability

Ask = Callable[..., Awaitable[Any]]
"""Send one command, given as its words, and return the bare answer."""


async def check(ask: Ask, level: Durability) -> bool:
    """Return whether each batch must be followed by WAITAOF to reach the level.

    Raises:
        ConfigurationError: the server cannot give the level.
    """
    if level is Durability.MEMORY:
        return False
    memory = _fields(await ask("INFO", "memory"))
    if (policy := memory.get("maxmemory_policy", "noeviction")) != "noeviction":
        raise ConfigurationError(f"Redis evicts keys (maxmemory-policy {policy}): set it to noeviction")
    if _fields(await ask("INFO", "persistence")).get("aof_enabled") != "1":
        raise ConfigurationError("Redis keeps nothing on disk: set appendonly yes, or durability memory")
    if level is Durability.AOF:
        return False
    if await _synchronous(ask):
        return False
    if await _knows_waitaof(ask):
        return True
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
