"""Celery's settings, derived from ours."""

from typing import Any

from broker.dispatch import JOB_OF, Queue
from broker.settings import Settings


def celery_conf(settings: Settings) -> dict[str, Any]:
    """Return what Celery is told, each with its reason."""
    return {
        "broker_url": settings.redis_url,
        "broker_transport_options": {
            "priority_steps": [0],  # one list a queue: fewer keys to watch, and ours is the one that counts
            "queue_order_strategy": "round_robin",  # no queue starves another
            "visibility_timeout": 300,  # a ring that comes again finds nothing to do
            "socket_timeout": 30,
            "socket_connect_timeout": 5,
            "socket_keepalive": True,
            "health_check_interval": 10,
            "max_connections": 64,  # all threads may acknowledge at once
        },
        "broker_connection_retry_on_startup": True,
        "broker_connection_max_retries": None,  # wait for Redis for ever
        "broker_channel_error_retry": True,  # a full Redis is one that comes back; else the worker ends
        "worker_cancel_long_running_tasks_on_connection_loss": False,  # a take ends by itself, and records its end
        "imports": (
            "workers.tasks.submit",
            "workers.tasks.media",
            "workers.tasks.events",
            "workers.tasks.callbacks",
            "workers.tasks.sweeps",
        ),
        "task_serializer": "json",
        "accept_content": ["json"],
        "result_backend": None,
        "task_ignore_result": True,
        "task_acks_late": False,  # a lost ring costs a second; late acknowledgement would cost every take
        "task_routes": {job: {"queue": queue} for queue, job in JOB_OF.items()},
        "task_default_queue": Queue.SWEEPS,
        "task_create_missing_queues": True,
        "task_default_delivery_mode": 2,
        "worker_prefetch_multiplier": 1,
        "worker_concurrency": settings.worker_threads,
        "worker_send_task_events": True,  # few tasks make events cheap, so Flower shows the truth
        "worker_hijack_root_logger": False,
        "worker_redirect_stdouts": False,
    }
