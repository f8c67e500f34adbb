"""The scheduler's look at what waits, beside its ticks: also a standby's page shows it."""

import threading
from collections.abc import Callable, Mapping

import structlog

from broker.keyspace.census import look_from_thread
from broker.keyspace.client import AWAY, Sync
from broker.metrics.meter import Labels, Meter
from broker.services.standing import EVERY_S, Standing
from workers.paces import Paces

log = structlog.get_logger()


class Watching:
    """Looks again and again."""

    def __init__(
        self,
        client: Sync,
        paces: Paces,
        meter: Meter,
        *,
        held: Callable[[], Mapping[Labels, float]] = dict,
        written: Callable[[], bool] = lambda: True,
    ) -> None:
        self._client = client
        self._paces = paces
        self._standing = Standing(meter, held=held, sql=lambda: paces.served and written())
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watching", daemon=True)

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def look(self) -> None:
        """Look once; while Redis is away the page says so."""
        try:
            self._standing.see(look_from_thread(self._client, [pace.connection for pace in self._paces.now]))
        except AWAY as error:
            self._standing.miss()
            log.debug("redis_away", reason=type(error).__name__)

    def close(self) -> None:
        """Look no more."""
        self._stop.set()

    def _run(self) -> None:
        while True:
            self.look()
            if self._stop.wait(EVERY_S):
                return
