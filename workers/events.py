"""Task events that reach Flower: Celery's dispatcher loses some in the threads pool."""

from typing import Any

from celery.app.events import Events as CeleryEvents
from celery.events.dispatcher import EventDispatcher


class Dispatcher(EventDispatcher):
    """Gathers task events of all threads, and sends those it has gathered.

    Celery's own sends the list of them and then empties it. What another thread said meanwhile was never sent: a task
    stood in Flower as received for ever.
    """

    mutex: Any
    producer: Any
    _group_buffer: dict[str, list[Any]]
    _publish: Any

    def flush(self, errors: bool = True, groups: bool = True) -> None:
        """Send what was gathered; what is said meanwhile stays for the next time."""
        super().flush(errors=errors, groups=False)
        if not groups:
            return
        with self.mutex:
            for group, gathered in list(self._group_buffer.items()):
                if events := gathered[:]:
                    self._publish(events, self.producer, f"{group}.multi")
                    del gathered[: len(events)]  # others only add at the end


class Events(CeleryEvents):
    """Events as this application sends them."""

    dispatcher_cls: Any = Dispatcher
