"""Processes that die, freeze, are told to end, or have the wrong time."""

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator, Mapping
from typing import Any

from broker.cli.chaos.fault import Fault, fault
from broker.cli.chaos.ground import LEASE_S, Ground
from broker.keyspace.client import Sync, open_sync
from broker.settings import Settings

_TWO_HOURS_S = 7200
_LONGER_THAN_EVERY_LEASE_S = LEASE_S + 3
_RING_TRIES = 20
_LEAST_RING = 100
"""Bytes of the shortest ring, and more than those of any other answer to who waits for one."""


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
    """Kill the worker between Redis's pop and Celery's note of it: frozen while it waits, rung for, killed."""
    with open_sync(f"redis://127.0.0.1:{ground.redis.port}/0", Settings()) as client:
        for _ in range(_RING_TRIES):
            pid = _send(ground, "worker", 0, signal.SIGSTOP)
            taken = await _is_ring_taken(client)
            if taken:
                break
            os.kill(pid, signal.SIGCONT)
            await asyncio.sleep(0.1)
        else:
            ground.missed.append("kill-between-pop-and-note")
        os.kill(pid, signal.SIGKILL)
    yield


async def _is_ring_taken(client: Sync) -> bool:
    """Say whether Redis has given a ring to a process that cannot hear it.

    A client that waits is sent nothing for a second; then comes a ring, or a word of five bytes that there was none.
    One that was sent more and does not ask again is the frozen one's.
    """
    before = _waiting(client)
    for _ in range(_RING_TRIES):
        await asyncio.sleep(0.05)
        if any(_sent(client, name) - sent > _LEAST_RING for name, sent in before.items()):
            await asyncio.sleep(0.3)
            still = before.keys() - _waiting(client).keys()
            return any(_sent(client, name) - before[name] > _LEAST_RING for name in still)
    return False


def _waiting(client: Sync) -> dict[str, int]:
    """Return who waits for rings, and how many bytes each was sent so far."""
    listed: Any = client.client_list()
    return {each["id"]: int(each["tot-net-out"]) for each in listed if "b" in each["flags"]}


def _sent(client: Sync, name: str) -> int:
    listed: Any = client.client_list()
    return next((int(each["tot-net-out"]) for each in listed if each["id"] == name), 0)


KILLS: Mapping[str, Fault] = {
    "kill-ingress": _killed("ingress"),
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
