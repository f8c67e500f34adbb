"""Releasing: slots of connections go to what waits in their lanes."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from broker.dispatch import Queue, ring
from broker.domain.value import value
from broker.keyspace import keys
from broker.keyspace.circuits import FIELDS, OPENS_AFTER, circuit_of
from broker.keyspace.client import Sync

AHEAD_S = 0.05
"""How far ahead slots are given: as far as the next tick, so that what is urgent has to wait for few of them."""

LATE_S = 0.2
"""How late a slot may still be given: what a scheduler that stumbled catches up."""

SENDERS = 200
"""Most senders of a connection that one script serves."""

MOST_AT_ONCE = 200
"""Most ids one script releases, so that Redis is never held up."""

ROUNDS = 5
"""Most scripts for one connection in one tick."""

_LUA = Path(__file__).parent / "lua"
_SCRIPT = _LUA / "release.lua"


@value
class Pace:
    """What a connection carries a second, of all and of each sender; None: as much as it can."""

    connection: str
    mps: float | None = None
    sender_mps: float | None = None


class Releasing:
    """Moves what has a slot from lanes to ready lists. For the scheduler."""

    def __init__(self, client: Sync, *, rings: int) -> None:
        self._client = client
        self._rings = rings
        self._release = client.register_script(_SCRIPT.read_text())
        self._repace = client.register_script((_LUA / "repace.lua").read_text())
        self._gaps: dict[str, tuple[int, int]] = {}

    def release(self, paces: Iterable[Pace]) -> int:
        """Release what may go now over connections that are in use; return how many ids that were.

        Over one whose circuit is open nothing goes but, after each pause, what a probe may send.
        """
        wanted = list(paces)
        if not wanted:
            return 0
        for pace in wanted:
            self._keep_up(pace)
        with self._client.pipeline(transaction=False) as pipe:
            pipe.time()
            for pace in wanted:
                pipe.zrange(keys.turns(pace.connection), 0, SENDERS - 1, withscores=True)
                pipe.hmget(keys.breaker(pace.connection), FIELDS)
            (seconds, micros), *found = pipe.execute()
        now_ms = seconds * 1000 + micros / 1000
        released = 0
        for pace, turns, words in zip(wanted, found[::2], found[1::2], strict=True):
            senders = [name.decode() for name, turn_ms in turns if turn_ms <= now_ms + AHEAD_S * 1000]
            circuit = circuit_of(words)
            if not senders or (circuit.is_open and circuit.until > now_ms):
                continue
            released += (
                self._once(pace, senders, OPENS_AFTER) if circuit.is_open else self._all(pace, senders)
            )
        return released

    def _keep_up(self, pace: Pace) -> None:
        """Bring slots that a rate put off nearer, or farther, where the rate has changed since the last look."""
        gaps = gap_us(pace.mps), gap_us(pace.sender_mps)
        before = self._gaps.get(pace.connection, gaps)
        if before != gaps:
            found: Any = self._client.zrange(keys.turns(pace.connection), 0, -1)
            senders = [name.decode() for name in found]
            names = [keys.pace(pace.connection), keys.turns(pace.connection), keys.detours()]
            names += [keys.pace(pace.connection, sender) for sender in senders]
            self._repace(keys=names, args=[pace.connection, *before, *gaps, *senders])
        self._gaps[pace.connection] = gaps

    def _all(self, pace: Pace, senders: list[str]) -> int:
        total = 0
        for _ in range(ROUNDS):
            found = self._once(pace, senders, MOST_AT_ONCE)
            total += found
            if found < MOST_AT_ONCE:
                break
        return total

    def _once(self, pace: Pace, senders: list[str], most: int) -> int:
        queues = (Queue.SUBMIT_HIGH, Queue.SUBMIT)
        names = [keys.turns(pace.connection), keys.pace(pace.connection), keys.detours()]
        for queue in queues:
            names += [keys.slots(queue), keys.outbox(queue), keys.ready(queue), queue]
        for sender in senders:
            names += [keys.lane(pace.connection, sender), keys.pace(pace.connection, sender)]
        gaps: list[Any] = [gap_us(pace.mps), gap_us(pace.sender_mps)]
        limits = [round(AHEAD_S * 1e6), round(LATE_S * 1e6), most, self._rings, keys.UNPOPPED_MS]
        rings = [ring(queue) for queue in queues]
        return int(self._release(keys=names, args=[*gaps, *limits, *rings, pace.connection, *senders]))


def gap_us(rate: float | None) -> int:
    """Return the time between two slots in µs, rounded so that no rate is exceeded; 0 where there is none."""
    return 0 if rate is None else -int(-1e6 // rate)
