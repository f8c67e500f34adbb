"""What a fault is."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass

from broker.cli.chaos.ground import Ground

Hurt = Callable[[Ground], AbstractAsyncContextManager[None]]
Steps = Callable[[Ground], AsyncIterator[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One kind of trouble: it begins, lasts for `hold_s`, and ends when the block of `hurt` does.

    `tells` says that customers can be told during it, so that being told counts for the recovery of flow.
    """

    hurt: Hurt
    hold_s: float
    tells: bool = True


def fault(*, hold_s: float, tells: bool = True) -> Callable[[Steps], Fault]:
    """Make a fault of a generator: what comes before its `yield` hurts, what comes after it heals."""
    return lambda steps: Fault(hurt=asynccontextmanager(steps), hold_s=hold_s, tells=tells)
