"""Every Redis key we own: its type, lifetime and meaning."""

from broker.dispatch import Queue


def ready(queue: Queue) -> str:
    """List of ids that wait for a take; pushed on the left, popped on the right. No lifetime: it is work."""
    return f"ready:{queue}"


def outbox(queue: Queue) -> str:
    """Sorted set, id → Unix ms when to put it back on the ready list. An entry goes when SQL holds the content."""
    return {
        Queue.SUBMIT: "admitted",
        Queue.SUBMIT_HIGH: "admitted:high",
        Queue.EVENTS: "arrived",
    }.get(queue, f"outbox:{queue}")


def taken(queue: Queue) -> str:
    """Hash, id → how often it was popped while SQL did not hold it. An entry goes with the outbox entry."""
    return f"taken:{queue}"
