"""How much of a worker may work for a crowd while others wait beside it."""

import sys
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self

from broker.keyspace.ready import Popped, Share

CROWD = 40
"""Most messages of a crowd in one take while it has company: so long does its company wait for it."""

FREE = 2
"""Threads that are kept free of the crowd."""

USUAL_SWITCH_S, QUICK_SWITCH_S = 0.005, 0.001
"""How long a thread may keep Python to itself while others wait: short costs work, long makes company wait."""


class Hands:
    """Lets one take at a time record and begin a crowd's submissions, and a few wait for its carrier. For threads."""

    def __init__(self, threads: int) -> None:
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
            return Hand(self, ring, may=may, alone=not self._was_alone)

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

    def free(self, *, working: int = 0, waiting: int = 0) -> bool:
        """Free some of what a take had, and return whether another was refused that should ask again."""
        with self._lock:
            self._working += working
            self._waiting += waiting
            asked, self._refused = self._refused, False
            return asked


class Hand:
    """What one take may do. It pops and says what it got, then it works."""

    def __init__(self, hands: Hands, ring: Callable[[], None], *, may: bool, alone: bool) -> None:
        self._hands = hands
        self._ring = ring
        self._working = self._waiting = int(may)
        self.crowd = CROWD if may else 0
        self.alone = alone
        self.first = False

    def took(self, popped: Popped) -> None:
        """Say what was popped; what a take does not need for that is free for others."""
        self.first = popped.share is Share.COMPANY
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
        if (working or waited) and self._hands.free(working=working, waiting=waited):
            self._ring()
