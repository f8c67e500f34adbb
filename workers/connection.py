"""The consumer's connection to Redis: how long it waits before it tries again."""

from typing import Any

from celery.app.amqp import AMQP
from kombu import Connection as KombuConnection

FIRST_S, STEP_S, LONGEST_S = 0.2, 0.3, 2.0


class Connection(KombuConnection):
    """Tries again soon, however long Redis has been away.

    Left alone it waits 2 s longer each time, up to 30 s, in which nobody hears a ring although Redis is back.
    """

    def ensure_connection(self, *args: Any, **options: Any) -> "Connection":
        """Connect, and go on trying until that works."""
        waits = {"interval_start": FIRST_S, "interval_step": STEP_S, "interval_max": LONGEST_S}
        super().ensure_connection(*args, **{**waits, **options})
        return self


class Amqp(AMQP):
    """Celery's own, but for the connections that it makes."""

    Connection = Connection
