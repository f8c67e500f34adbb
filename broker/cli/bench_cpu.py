"""How much CPU processes have used, as the kernel counts it."""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

_TICKS_PER_S = os.sysconf("SC_CLK_TCK")
_USER, _CHILDREN_SYSTEM = 11, 14
"""Fields of /proc/<pid>/stat, counted behind the name: user, system, and both of ended children."""


def used_s(pid: int) -> float:
    """Return the CPU seconds of a process with its ended children; 0 where the kernel does not say."""
    try:
        line = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return 0.0
    # The name may hold anything, so count from behind it.
    fields = line.rpartition(")")[2].split()
    return sum(map(int, fields[_USER : _CHILDREN_SYSTEM + 1])) / _TICKS_PER_S


def by_role(processes: Mapping[str, Iterable[int]]) -> dict[str, float]:
    """Return the CPU seconds of each role's processes together."""
    return {role: sum(map(used_s, pids)) for role, pids in processes.items()}


def since(before: Mapping[str, float], after: Mapping[str, float]) -> dict[str, float]:
    """Return what each role used between two looks."""
    return {role: after[role] - before.get(role, 0.0) for role in after}
