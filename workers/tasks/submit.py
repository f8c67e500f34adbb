"""Doorbells of the submit queues."""

from broker.dispatch import Job, Queue
from broker.services import submit
from workers import runtime
from workers.app import app


@app.task(name=Job.TAKE_HIGH)
def take_high() -> None:
    """Submit urgent messages that wait."""
    submit.take(runtime.current(), Queue.SUBMIT_HIGH)


@app.task(name=Job.TAKE)
def take() -> None:
    """Submit messages that wait."""
    submit.take(runtime.current(), Queue.SUBMIT)
