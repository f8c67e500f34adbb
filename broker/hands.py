"""How much of a worker may work for a crowd while others wait beside it."""

import sys
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

from broker.keyspace.ready import Popped, Share

CROWD = 40
"""Most messages of a crowd in one take while it has company: so long does its company wait for it."""

FREE = 2
"""Threads that are kept free of the crowd."""

REST, LONGEST_REST_S = 3.0, 0.1
"""How long a crowd rests after a take while it has company, in times of what that one worked, and at most."""

USUAL_SWITCH_S, QUICK_SWITCH_S = 0.005, 0.0002
"""How long a thread may keep Python to itself while others wait: short costs work, long makes company wait."""


class Hands:
    """Lets one take at a time record and begin a crowd's submissions, and a few wait for its carrier. For threads."""

    def __init__(
        self,
        threads: int,
        *,
        clock: Callable[[], float] = time.monotonic,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self.clock = clock
        self._pause = pause
        self._rests_until = 0.0
        self._waiting = max(threads - FREE, 1)
        self._working = 1
        self._was_alone = False
        self._refused = False
        self._is_quick = False
        self._lock = threading.Lock()

    def hand(self, ring: Callable[[], None]) -> "Hand":
        """Return what one take may do; `ring` asks for another where one was refused meanwhile."""
        with self._lock:
            may = self._working > 0 and self._waiting > 0
            if may:
                self._working -= 1
                self._waiting -= 1
            rest_s = self._rests_until - self.clock() if may and self._is_quick else 0.0
            return Hand(self, ring, may=may, alone=not self._was_alone, rest_s=rest_s)

    def pause(self, rest_s: float) -> None:
        """Let a take wait while a crowd rests."""
        self._pause(rest_s)

    def note(self, popped: Popped) -> bool:
        """Note whose take it is, and return whether one that was refused should ask again now."""
        self._hurry(popped.share is not Share.ALL)
        with self._lock:
            # Never twice running where the crowd could go: else steady company would leave it nothing.
            self._was_alone = popped.share is Share.COMPANY
            refused = popped.share is Share.CROWD and not popped.ids
            free = self._working > 0 and self._waiting > 0
            self._refused = self._refused or (refused and not free)
            return refused and free

    def _hurry(self, is_quick: bool) -> None:
        if is_quick is not self._is_quick:
            self._is_quick = is_quick
            sys.setswitchinterval(QUICK_SWITCH_S if is_quick else USUAL_SWITCH_S)

    def free(self, *, working: int = 0, waiting: int = 0, crowded_s: float = 0.0) -> bool:
        """Free some of what a take had, and return whether another was refused that should ask again.

        So long it worked for a crowd.
        """
        with self._lock:
            if crowded_s:
                self._rests_until = self.clock() + min(REST * crowded_s, LONGEST_REST_S)
            self._working += working
            self._waiting += waiting
            asked, self._refused = self._refused, False
            return asked


class Hand:
    """What one take may do. It pops and says what it got, then it works."""

    def __init__(
        self, hands: Hands, ring: Callable[[], None], *, may: bool, alone: bool, rest_s: float
    ) -> None:
        self._hands = hands
        self._ring = ring
        self._working = self._waiting = int(may)
        self.crowd = CROWD if may else 0
        self.alone = alone
        self.first = False
        self._rest_s = rest_s
        self._began = hands.clock()
        self._is_crowded = False

    def pop(self, pop: Callable[..., Popped]) -> Popped:
        """Pop what this take may have: company at once, a crowd that rests once it has rested."""
        if self._rest_s > 0:
            company = pop(crowd=0, alone=self.alone)
            if company.ids or company.share is not Share.CROWD:
                self.took(company)
                return company
            self._hands.pause(self._rest_s)  # others go on meanwhile, without the crowd
        self._began = self._hands.clock()
        popped = pop(crowd=self.crowd, alone=self.alone)
        self.took(popped)
        return popped

    def took(self, popped: Popped) -> None:
        """Say what was popped; what a take does not need for that is free for others."""
        self.first = popped.share is Share.COMPANY
        self._is_crowded = popped.share is Share.CROWD and bool(popped.ids)
        if self._hands.note(popped):
            self._ring()
        if popped.share is not Share.CROWD:
            self._free(waiting=True)

    def sent(self) -> None:
        """Say that all that is left is to wait for carriers."""
        self._free(waiting=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        self._free(waiting=True)

    def _free(self, *, waiting: bool) -> None:
        working, self._working = self._working, 0
        waited = self._waiting if waiting else 0
        self._waiting -= waited
        crowded_s = self._hands.clock() - self._began if working and self._is_crowded else 0.0
        if (working or waited) and self._hands.free(working=working, waiting=waited, crowded_s=crowded_s):
            self._ring()
