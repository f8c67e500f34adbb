"""The Celery application: `celery -A workers.app worker`."""

from typing import Any

from celery import Celery
from celery.signals import (
    setup_logging,
    task_postrun,
    task_prerun,
    worker_init,
    worker_ready,
    worker_shutdown,
)

from broker import collector, log
from broker.settings import Settings
from workers import page, runtime
from workers.conf import celery_conf
from workers.connection import Amqp
from workers.draining import Draining
from workers.events import Events
from workers.presence import Roll
from workers.pulse import Pulse, Rings
from workers.taken import taken
from workers.wake import Wake

settings = Settings.load()
app = Celery("broker", amqp=Amqp, events=Events, set_as_current=True)
app.conf.update(celery_conf(settings))
app.steps["consumer"].update({Wake, Pulse})
rings = Rings(lambda: runtime.current().meter)
draining = Draining(left=lambda: len(runtime.current().errands))
roll = Roll(settings, rings, draining, taken=lambda: taken(runtime.current()))


@setup_logging.connect
def _set_up_logging(**_: object) -> None:
    log.configure(level=settings.log_level, form=settings.log_format, process="worker")


@worker_init.connect
def _open(**_: object) -> None:
    runtime.open_runtime(settings)
    page.serve(runtime.current().meter, settings)
    task_prerun.connect(rings.begun)
    task_postrun.connect(rings.ended)
    collector.settle()


@worker_ready.connect
def _say_so(sender: Any = None, **_: object) -> None:
    queues = tuple(app.amqp.queues.consume_from)
    draining.begin(sender, queues)
    roll.begin(sender.hostname, queues)


@worker_shutdown.connect
def _close(**_: object) -> None:
    roll.end()
    runtime.close_runtime()
