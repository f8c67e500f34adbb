"""Run the scheduler: `python -m workers.scheduler`; one is active, any number stand by."""

import os
import signal
import socket
import threading
import time

import structlog

from broker import log as logging
from broker.dispatch import Queue
from broker.errors import BrokerError
from broker.keyspace.client import AWAY, open_sync
from broker.keyspace.releasing import Releasing
from broker.keyspace.schedule import Schedule
from broker.metrics.measures import DUE, PUT_BACK, RELEASED, SCHEDULER, SCHEDULER_ACTIVE, TICKS
from broker.metrics.meter import Meter
from broker.settings import Settings
from broker.storage.database import Database
from workers import page
from workers.minutes import Minutes
from workers.paces import Paces
from workers.watching import Watching

log = structlog.get_logger()

TICK_S = 0.05
"""Between two looks at the lanes and the schedule."""

LEAD_S = 0.5
"""Between two renewals of the lease."""

LEASE_MS = 2_500
"""After this long without a word from the active scheduler a standby takes over."""

SCHEDULED = (Queue.SUBMIT_HIGH, Queue.SUBMIT)
WITH_OUTBOX = (Queue.SUBMIT_HIGH, Queue.SUBMIT, Queue.EVENTS, Queue.MEDIA)


class Scheduler:
    """Moves what is due and what has a slot into the ready lists, puts back what was dropped, rings for the sweeps."""

    def __init__(
        self, schedule: Schedule, releasing: Releasing, paces: Paces, settings: Settings, meter: Meter
    ) -> None:
        self._schedule = schedule
        self._releasing = releasing
        self._paces = paces
        self._settings = settings
        self._who = f"{socket.gethostname()}:{os.getpid()}"
        self._meter = meter
        self._leads = False
        meter.show(SCHEDULER_ACTIVE, lambda: {(): float(self._leads)})
        self._next_lead = 0.0
        self._next_second = 0.0
        self._next_sweep = 0.0

    def tick(self, now: float) -> None:
        """Do what is due at `now` (a monotonic clock), if this is the active scheduler."""
        if now >= self._next_lead:
            self._next_lead = now + LEAD_S
            self._lead()
        if not self._leads:
            return
        with self._meter.timing(TICKS):
            self._meter.count(RELEASED, by=self._releasing.release(self._paces.now))
            for queue in SCHEDULED:
                self._meter.count(DUE, queue, by=self._schedule.move_due(queue))
        if now >= self._next_second:
            self._next_second = now + 1.0
            self._put_back()
        if now >= self._next_sweep:
            self._next_sweep = now + self._settings.sweep_every_s
            self._schedule.ring(Queue.SWEEPS)

    @property
    def leads(self) -> bool:
        """Say whether this is the active scheduler, as far as it knows."""
        return self._leads

    def rest(self) -> None:
        """Take it that another leads now: Redis, which says who, is away."""
        self._leads = False

    def _lead(self) -> None:
        leads = self._schedule.lead(self._who, lease_ms=LEASE_MS)
        if leads != self._leads:
            log.info("scheduler_leads" if leads else "scheduler_stands_by")
            self._leads = leads

    def _put_back(self) -> None:
        for queue in WITH_OUTBOX:
            found = self._schedule.put_back(queue)
            self._meter.count(PUT_BACK, queue, by=found)
            if found:
                log.warning("ids_put_back", queue=queue, ids=found)


def run(settings: Settings, stop: threading.Event) -> None:
    """Tick until told to stop; Redis may come and go."""
    meter, rings = Meter("scheduler", SCHEDULER), settings.worker_threads
    client = open_sync(settings.redis_url, settings, meter=meter)
    paces = Paces(Database(settings.database, meter=meter))
    scheduler = Scheduler(
        Schedule(client, rings=rings), Releasing(client, rings=rings), paces, settings, meter
    )
    minutes = Minutes(Database(settings.database, meter=meter), client, leads=lambda: scheduler.leads)
    watching = Watching(client, paces, meter, written=lambda: minutes.served)
    paces.start()
    minutes.start()
    watching.start()
    page.serve(meter, settings)
    while not stop.wait(TICK_S):
        try:
            scheduler.tick(time.monotonic())
        except AWAY as error:
            scheduler.rest()
            log.warning("redis_away", reason=type(error).__name__)
            stop.wait(1.0)
    watching.close()
    minutes.close()
    paces.close()


def main() -> None:
    """Run until SIGTERM or SIGINT."""
    try:
        settings = Settings.load()
    except BrokerError as error:
        raise SystemExit(f"broker: {error}") from None
    logging.configure(level=settings.log_level, form=settings.log_format, process="scheduler")
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    run(settings, stop)


if __name__ == "__main__":
    main()
