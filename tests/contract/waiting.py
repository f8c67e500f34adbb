"""Lanes of a real server: senders who may say little, and a worker that lets their messages wait."""

from collections.abc import Mapping
from typing import Any

import redis

from broker.dispatch import Queue
from broker.runtime import Runtime
from broker.services import submit
from broker.settings import Settings
from broker.storage import lanes


def paced(document: Mapping[str, Any], *, sender_mps: float) -> Mapping[str, Any]:
    """Return a provisioning document whose connections carry so much a second for each sender."""
    slow = [{**connection, "sender_mps": sender_mps} for connection in document["connections"]]
    return {**document, "connections": slow}


def lane_what_waits(settings: Settings) -> int:
    """Take what was admitted, as a worker does, and return how much waits for slots then."""
    runtime = Runtime.open(settings)
    try:
        submit.take(runtime, Queue.SUBMIT)
        return sum(runtime.database.read(lanes.counts).values())
    finally:
        runtime.close()


def admitted(settings: Settings) -> int:
    """Return how many messages were taken and not recorded yet."""
    with redis.Redis.from_url(settings.redis_url) as client:
        return sum(1 for _ in client.scan_iter("msg:*"))
