"""Count how things stand, for everybody's metrics: once for all processes, and never while work waits for it."""

from broker.domain.dead import Kind
from broker.runtime import Runtime
from broker.storage import dead, parked, told


def count(runtime: Runtime) -> None:
    """Count what is owed, held, set aside and parked, what waits in lanes, and how many endpoints are left alone."""
    counts = runtime.database.read(told.counts)
    endpoints = runtime.database.read(told.waiting)
    found = runtime.database.read(dead.counts)
    letters = {f"dead_{kind}": found.get(kind, 0) for kind in Kind}
    news = sum(runtime.database.read(parked.counts).values())
    now_ms = runtime.ready.now_ms()
    circuits_open = runtime.circuits.open_now(endpoints, now_ms=now_ms)
    lanes = runtime.figures.lanes(runtime.directory.look().providers)
    runtime.figures.stand({**counts, **letters, **lanes, "parked": news, "circuits_open": circuits_open})
