"""Processes that die, freeze, are told to end, or have the wrong time."""

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator, Mapping

from broker.cli.chaos.fault import Fault, fault
from broker.cli.chaos.ground import LEASE_S, Ground
from broker.cli.chaos.snare import Snare
from broker.dispatch import Queue

_TWO_HOURS_S = 7200
_LONGER_THAN_EVERY_LEASE_S = LEASE_S + 3
_RING = b"*2\r\n$%d\r\n%b\r\n" % (len(Queue.SUBMIT), Queue.SUBMIT.encode())
"""How Redis's answer to a worker begins that waits for rings and was given one to submit."""
_RING_WITHIN_S, _DEAD_WITHIN_S = 20, 5


def _send(ground: Ground, role: str, number: int, how: signal.Signals) -> int:
    pids = ground.pids(role)
    pid = pids[min(number, len(pids) - 1)]
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, how)
    return pid


def _killed(role: str, number: int = 0, how: signal.Signals = signal.SIGKILL) -> Fault:
    @fault(hold_s=0.5)
    async def steps(ground: Ground) -> AsyncIterator[None]:
        _send(ground, role, number, how)
        yield

    return steps


def _frozen(role: str, number: int = 0, *, hold_s: float = _LONGER_THAN_EVERY_LEASE_S) -> Fault:
    @fault(hold_s=hold_s)
    async def steps(ground: Ground) -> AsyncIterator[None]:
        pid = _send(ground, role, number, signal.SIGSTOP)
        yield
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)

    return steps


def _shifted(role: str, number: int, seconds: int) -> Fault:
    @fault(hold_s=6)
    async def steps(ground: Ground) -> AsyncIterator[None]:
        pids = ground.pids(role)
        ground.clocks.shift(pids[min(number, len(pids) - 1)], seconds)
        yield
        ground.clocks.right()

    return steps


@fault(hold_s=0.5)
async def _redis_killed(ground: Ground) -> AsyncIterator[None]:
    os.kill(ground.redis.pid, signal.SIGKILL)
    yield


@fault(hold_s=6)
async def _redis_frozen(ground: Ground) -> AsyncIterator[None]:
    pid = ground.redis.pid
    os.kill(pid, signal.SIGSTOP)
    yield
    os.kill(pid, signal.SIGCONT)


@fault(hold_s=0.5)
async def _all_killed(ground: Ground) -> AsyncIterator[None]:
    for pid in [*ground.processes(), ground.redis.pid]:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    yield


@fault(hold_s=0.5)
async def _ring_lost(ground: Ground) -> AsyncIterator[None]:
    """Kill the worker between Redis's pop and Celery's note of it: the proxy keeps the answer to the pop from it.

    It was hit if the answer was under way to the worker that died, and to nobody else.
    """
    snare = ground.to_redis.snare = Snare(_RING)
    hit = False
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(snare.caught.wait(), _RING_WITHIN_S)
        if not snare.lost.is_set():
            _send(ground, "worker", 0, signal.SIGKILL)
            await asyncio.wait_for(snare.lost.wait(), _DEAD_WITHIN_S)
            hit = True
    snare.free()
    ground.to_redis.snare = None
    if not hit:
        ground.missed.append("kill-between-pop-and-note")
    yield


KILLS: Mapping[str, Fault] = {
    "kill-ingress": _killed("ingress"),
    "kill-other-ingress": _killed("ingress", 1),
    "kill-submitting-worker": _killed("worker", 0),
    "kill-other-worker": _killed("worker", 1),
    "kill-scheduler": _killed("scheduler"),
    "kill-redis": _redis_killed,
    "kill-everything": _all_killed,
    "kill-between-pop-and-note": _ring_lost,
    "end-ingress": _killed("ingress", 0, signal.SIGTERM),
    "end-submitting-worker": _killed("worker", 0, signal.SIGTERM),
}
FREEZES: Mapping[str, Fault] = {
    "freeze-submitting-worker": _frozen("worker", 0),
    "freeze-other-worker": _frozen("worker", 1),
    "freeze-scheduler": _frozen("scheduler"),
    "freeze-ingress": _frozen("ingress", hold_s=5),
    "freeze-redis": _redis_frozen,
}
CLOCKS: Mapping[str, Fault] = {
    "clock-ahead-submitting-worker": _shifted("worker", 0, _TWO_HOURS_S),
    "clock-behind-other-worker": _shifted("worker", 1, -_TWO_HOURS_S),
    "clock-behind-ingress": _shifted("ingress", 0, -_TWO_HOURS_S),
    "clock-ahead-scheduler": _shifted("scheduler", 0, _TWO_HOURS_S),
}
