"""All Redis but Celery's own queues."""
