"""Count what waits for customers and operators, for everybody's metrics: once for all processes."""

from broker.domain.dead import Kind
from broker.runtime import Runtime
from broker.storage import dead, told


def count(runtime: Runtime) -> None:
    """Count what is owed and held, how many endpoints are left alone, and what was set aside."""
    counts = runtime.database.read(told.counts)
    endpoints = runtime.database.read(told.waiting)
    now_ms = runtime.ready.now_ms()
    circuits_open = runtime.circuits.open_now(endpoints, now_ms=now_ms)
    letters = runtime.database.read(dead.counts)
    aside = {f"dead_{kind}": letters.get(kind, 0) for kind in Kind}
    runtime.figures.stand({**counts, **aside, "circuits_open": circuits_open})
