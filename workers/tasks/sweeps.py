"""Doorbell of the sweeps queue."""

from broker.dispatch import Job
from broker.services import sweep
from workers import runtime
from workers.app import app


@app.task(name=Job.SWEEP)
def sweep_all() -> None:
    """Look at everything that is due."""
    sweep.sweep(runtime.current())
