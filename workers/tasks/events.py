"""Doorbell of the events queue."""

from broker.dispatch import Job
from broker.services import events
from workers import runtime
from workers.app import app


@app.task(name=Job.TAKE_EVENTS)
def take_events() -> None:
    """Read the webhooks that wait."""
    events.take(runtime.current())
