"""The Celery side of the broker: doorbells in, services out."""
