"""The schedule: ids that become due later, and the scheduler's hold on it."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any, cast

from broker.dispatch import Queue, ring
from broker.domain.value import value
from broker.keyspace import keys
from broker.keyspace.client import Sync
from broker.keyspace.ready import LONGEST_MS

PLACE_MS = 3600_000
"""How long it is known how far a job has come."""

MOST_AT_ONCE = 200
"""Most ids one script moves, so that Redis is never held up."""

DUE_AT_ONCE, DUE_ROUNDS = 1000, 8
"""Most entries that one script lets fall due, in a few ms, and most such scripts of one look: it shall end in time."""

MOST_READY = 400
"""How long a ready list may become by what falls due: two takes. What is more takes turns before it gets there."""

_LUA = Path(__file__).parent / "lua"


@value
class Later:
    """An id, with whom it takes turns once it is due, and when that is (Redis's clock, ms)."""

    id: str
    flow: str
    due_at: int


class Schedule:
    """Enters ids with their due times; moves what is due; puts back what was dropped. For threads."""

    def __init__(self, client: Sync, *, rings: int) -> None:
        self._client = client
        self._rings = rings
        self._due, self._put_back, self._restore, self._lead = (
            client.register_script((_LUA / f"{name}.lua").read_text())
            for name in ("due", "put_back", "restore", "lead")
        )

    def add(self, queue: Queue, later: Iterable[Later]) -> None:
        """Enter ids with the times they are due at."""
        entries: dict[str, float] = {f"{one.id} {one.flow}": one.due_at for one in later}
        if entries:
            self._client.zadd(keys.schedule(queue), entries)

    def lead(self, who: str, *, lease_ms: int) -> bool:
        """Become or stay the active scheduler for `lease_ms`; return whether that worked."""
        return bool(self._lead(keys=[keys.leader()], args=[who, lease_ms]))

    def move_due(self, queue: Queue) -> int:
        """Move ids whose time has come to the ready list, senders in turn; return how many.

        What the list has no room for takes its turn later: who comes then with less before it goes first.
        """
        names = [keys.schedule(queue), keys.ready(queue), queue, keys.due(queue), keys.due_rounds(queue)]
        words: list[Any] = [DUE_AT_ONCE, self._rings, ring(queue), MOST_READY]
        for left in reversed(range(DUE_ROUNDS)):
            found: Any = self._due(keys=names, args=[*words, int(left == 0)])
            if int(found[0]) < DUE_AT_ONCE:
                break
        return int(found[1])

    def put_back(self, queue: Queue) -> int:
        """Put back what was popped and not recorded in time, or is no longer waiting anywhere; return how much.

        It also rings for what nobody hears.
        """
        names = [keys.outbox(queue), keys.ready(queue), queue, keys.fresh(queue), keys.rounds(queue)]
        # Once put back they wait as on the first day: else each pass would put them back once more.
        words: list[bytes | int] = [MOST_AT_ONCE, keys.UNPOPPED_MS, LONGEST_MS, ring(queue)]
        found, missing = self._put_back(keys=names, args=words)
        return int(found) + (self._restored(queue) if missing > 0 else 0)

    def _restored(self, queue: Queue) -> int:
        """Go through the outbox and let wait what nobody has popped and waits nowhere; return how much it was."""
        names = [keys.outbox(queue), keys.fresh(queue), keys.rounds(queue)]
        found = first = 0
        while ids := cast("list[bytes]", self._client.zrange(names[0], first, first + MOST_AT_ONCE - 1)):
            found += int(self._restore(keys=names, args=[LONGEST_MS, *ids]))
            first += MOST_AT_ONCE
        return found

    def turn(self, name: str, *, every_ms: int) -> bool:
        """Return True to one caller in `every_ms`."""
        return bool(self._client.set(keys.turn(name), "1", nx=True, px=every_ms))

    def rest(self, name: str, *, for_ms: int) -> None:
        """Let a rare job have no turn for a while."""
        self._client.set(keys.turn(name), "1", px=for_ms)

    def place(self, name: str) -> tuple[int, str]:
        """Return how far a job that goes on at its next turn has come."""
        found = cast("bytes | None", self._client.get(keys.place(name)))
        if found is None:
            return 0, ""
        due_at, _, last = found.decode().partition(" ")
        return int(due_at), last

    def keep_place(self, name: str, place: tuple[int, str]) -> None:
        """Note how far such a job has come."""
        self._client.set(keys.place(name), f"{place[0]} {place[1]}", px=PLACE_MS)

    def ring(self, queue: Queue) -> None:
        """Ring for a queue whose job finds its work in SQL, unless a ring waits there already."""
        if not self._client.llen(queue):
            self._client.lpush(queue, ring(queue))
