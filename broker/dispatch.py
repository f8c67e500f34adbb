"""Job and queue names, and the envelope that rings a Celery worker."""

import base64
import uuid
from collections.abc import Mapping
from enum import StrEnum

import orjson


class Queue(StrEnum):
    """Celery's queues, one per kind of work."""

    SUBMIT_HIGH = "submit.high"
    SUBMIT = "submit"
    MEDIA = "media"
    EVENTS = "events"
    CALLBACKS = "callbacks"
    SWEEPS = "sweeps"


class Job(StrEnum):
    """The names of our tasks. A task takes no argument: its queue says what to take."""

    TAKE_HIGH = "take_high"
    TAKE = "take"
    TAKE_MEDIA = "take_media"
    TAKE_EVENTS = "take_events"
    TAKE_CALLBACKS = "take_callbacks"
    SWEEP = "sweep"


JOB_OF: Mapping[Queue, Job] = {
    Queue.SUBMIT_HIGH: Job.TAKE_HIGH,
    Queue.SUBMIT: Job.TAKE,
    Queue.MEDIA: Job.TAKE_MEDIA,
    Queue.EVENTS: Job.TAKE_EVENTS,
    Queue.CALLBACKS: Job.TAKE_CALLBACKS,
    Queue.SWEEPS: Job.SWEEP,
}

_NOTHING_TO_SAY = {"callbacks": None, "errbacks": None, "chain": None, "chord": None}
_BODY = base64.b64encode(orjson.dumps([[], {}, _NOTHING_TO_SAY])).decode()
_HEADERS: Mapping[str, object] = {
    "lang": "py",
    "shadow": None,
    "eta": None,
    "expires": None,
    "group": None,
    "group_index": None,
    "retries": 0,
    "timelimit": [None, None],
    "parent_id": None,
    "argsrepr": "()",
    "kwargsrepr": "{}",
    "origin": "broker",
    "ignore_result": True,
    "replaced_task_nesting": 0,
    "stamped_headers": None,
    "stamps": {},
}
_PROPERTIES: Mapping[str, object] = {
    "reply_to": "",
    "delivery_mode": 2,
    "priority": 0,
    "body_encoding": "base64",
}


def ring(queue: Queue) -> bytes:
    """Return one Celery message (protocol 2, as kombu writes it to Redis) that asks for the queue's job.

    The form is pinned against Celery's own by a test. `delivery_tag` must differ for every message: it is the key
    under which kombu keeps what is not acknowledged.
    """
    task = str(uuid.uuid4())
    return orjson.dumps(
        {
            "body": _BODY,
            "content-encoding": "utf-8",
            "content-type": "application/json",
            "headers": {**_HEADERS, "task": JOB_OF[queue], "id": task, "root_id": task},
            "properties": {
                **_PROPERTIES,
                "correlation_id": task,
                "delivery_info": {"exchange": "", "routing_key": queue},
                "delivery_tag": str(uuid.uuid4()),
            },
        }
    )
