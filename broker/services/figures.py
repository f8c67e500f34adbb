"""Count how callbacks stand, for everybody's metrics: once for all processes, and never while they are told."""

from broker.runtime import Runtime
from broker.storage import told


def count(runtime: Runtime) -> None:
    """Count what is owed and held, and how many endpoints are left alone."""
    counts = runtime.database.read(told.counts)
    endpoints = runtime.database.read(told.waiting)
    now_ms = runtime.ready.now_ms()
    circuits_open = runtime.circuits.open_now(endpoints, now_ms=now_ms)
    runtime.figures.stand({**counts, "circuits_open": circuits_open})
