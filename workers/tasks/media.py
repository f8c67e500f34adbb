"""Doorbell of the media queue."""

from broker.dispatch import Job
from broker.services import media
from workers import runtime
from workers.app import app


@app.task(name=Job.TAKE_MEDIA)
def take_media() -> None:
    """Bring home the parts that wait, and prepare those that are to leave."""
    media.take(runtime.current())
