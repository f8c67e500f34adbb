"""Doorbell of the callbacks queue."""

from broker.dispatch import Job
from broker.services import callback
from workers import runtime
from workers.app import app


@app.task(name=Job.TAKE_CALLBACKS)
def take_callbacks() -> None:
    """Tell customers what they are owed."""
    callback.take(runtime.current())
