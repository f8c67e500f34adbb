"""How much this worker has taken from each queue."""

from collections.abc import Mapping

from broker.dispatch import Job, Queue
from broker.metrics.measures import TASKS, WEBHOOK_OUT
from broker.runtime import Runtime

AGAIN = "tried_again"
"""What became of a callback that is owed still."""


def taken(runtime: Runtime) -> Mapping[str, float]:
    """Return how many ids this process took by queue, how many callbacks left the queue, and its rounds of sweeps."""
    told, rings = runtime.meter.counted(WEBHOOK_OUT), runtime.meter.counted(TASKS)
    return {
        **{str(queue): number for queue, number in runtime.ready.popped.items()},
        str(Queue.CALLBACKS): sum(number for (outcome,), number in told.items() if outcome != AGAIN),
        str(Queue.SWEEPS): sum(number for (job, _), number in rings.items() if job == Job.SWEEP),
    }
