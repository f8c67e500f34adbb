"""Lanes: what waits for its slot on a connection, a lane for each of its senders."""

import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from broker.dispatch import Queue
from broker.domain.message import Priority
from broker.domain.value import value
from broker.keyspace import keys
from broker.keyspace.client import Async, Sync

SLOT_S = 1.0
"""How long after its beginning a slot may be used: so much may a rate be exceeded in a window of any length."""

_CLASSES = {Priority.HIGH: 0, Priority.NORMAL: 1, Priority.BULK: 2}
_CLASS, _MS = 2**51, 2**9
CLASS_SCORES = tuple((n * _CLASS, (n + 1) * _CLASS) for n in range(len(_CLASSES)))
"""Where the scores of each class begin and end, `high` first."""

_LUA = Path(__file__).parent / "lua"


@value
class Place:
    """A message's place in its lane; `score` is its class, then its age, then its price."""

    id: str
    connection: str
    sender: str
    score: int


@value
class Slot:
    """When a create call may start, on the monotonic clock."""

    starts_at: float
    ends_at: float


@value
class Redeemed:
    """Redis's clock in ms, the slots of popped ids, and the detours: a connection, or a connection and a sender."""

    now_ms: int
    slots: Mapping[str, Slot]
    detours: frozenset[str]


def score_of(priority: Priority, *, since_ms: int, price: int) -> int:
    """Return where a message stands in a lane: `high` first, then by age; exact as a double until 2109."""
    return _CLASSES[priority] * _CLASS + since_ms * _MS + price


def waiting_since(score: float) -> int:
    """Return since when a message waits whose place has a score (Unix ms)."""
    return int(score % _CLASS) // _MS


def detour_of(connection: str, sender: str) -> str:
    """Return what the detours call a sender on a connection; a connection's name has no blank."""
    return f"{connection} {sender}"


class Lanes:
    """Enters what must wait, takes back slots, slows who was told to be slower. For threads."""

    def __init__(self, client: Sync) -> None:
        self._client = client
        self._redeem, self._slow = (
            client.register_script((_LUA / f"{name}.lua").read_text()) for name in ("redeem", "slow")
        )

    def add(self, places: Iterable[Place], *, now_ms: int, detours: Iterable[str] = ()) -> None:
        """Enter messages in their lanes; all else of these connections without a rate (`detours`) must follow them."""
        lanes: dict[tuple[str, str], dict[str, float]] = {}
        for place in places:
            lanes.setdefault((place.connection, place.sender), {})[place.id] = place.score
        if not lanes:
            return
        with self._client.pipeline(transaction=False) as pipe:
            for (connection, sender), scores in lanes.items():
                pipe.zadd(keys.lane(connection, sender), scores)
                pipe.zadd(keys.turns(connection), {sender: now_ms}, nx=True)
            for connection in detours:
                pipe.hsetnx(keys.detours(), connection, "0")
                pipe.expire(keys.detours(), keys.DAY_S)
            pipe.execute()

    def leave(self, ids: Mapping[tuple[str, str], Sequence[str]]) -> None:
        """Take messages that wait no more out of their lanes, by connection and sender."""
        if not ids:
            return
        with self._client.pipeline(transaction=False) as pipe:
            for (connection, sender), gone in ids.items():
                if gone:
                    pipe.zrem(keys.lane(connection, sender), *gone)
            pipe.execute()

    def redeem(self, queue: Queue, ids: Sequence[str]) -> Redeemed:
        """Take back the slots of ids that were popped: each counts once, and not for long."""
        before = time.monotonic()
        now_us, detours, found = self._redeem(keys=[keys.slots(queue), keys.detours()], args=list(ids))
        after = time.monotonic()
        slots = {
            name.decode(): Slot(
                starts_at=after + (int(at) - now_us) / 1e6, ends_at=before + (int(at) - now_us) / 1e6 + SLOT_S
            )
            for name, at in zip(found[::2], found[1::2], strict=True)
        }
        return Redeemed(
            now_ms=now_us // 1000,
            slots={name: slot for name, slot in slots.items() if slot.ends_at > after},
            detours=frozenset(field.decode() for field in detours[::2]),
        )

    def slow(self, connection: str, sender: str | None, *, for_s: float) -> None:
        """Give a sender, or a connection, no slots for a while."""
        field = connection if sender is None else detour_of(connection, sender)
        self._slow(keys=[keys.pace(connection, sender), keys.detours()], args=[round(for_s * 1000), field])

    def depths(self, lanes: Sequence[tuple[str, str]]) -> list[int]:
        """Return how many wait in each of some lanes (connection, sender)."""
        with self._client.pipeline(transaction=False) as pipe:
            for connection, sender in lanes:
                pipe.zcard(keys.lane(connection, sender))
            return [int(found) for found in pipe.execute()] if lanes else []


class Depths:
    """Says how much waits in lanes. For the loop of the ingress."""

    def __init__(self, client: Async) -> None:
        self._client = client

    async def ahead(self, connection: str, sender: str, priority: Priority) -> int:
        """Return how many of a lane go before a message that comes to it now."""
        end = f"({(_CLASSES[priority] + 1) * _CLASS}"
        return int(await self._client.zcount(keys.lane(connection, sender), "-inf", end))

    async def of(self, connection: str) -> dict[str, int]:
        """Return how many wait in each lane of a connection, by sender."""
        found: Any = await self._client.zrange(keys.turns(connection), 0, -1)
        senders = [name.decode() for name in found]
        async with self._client.pipeline(transaction=False) as pipe:
            for sender in senders:
                pipe.zcard(keys.lane(connection, sender))
            counts = await pipe.execute() if senders else []
        return dict(zip(senders, counts, strict=True))
