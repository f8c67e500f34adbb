"""What the scheduler knows of connections: read again and again beside its ticks."""

import threading

import structlog

from broker.errors import BrokerError
from broker.keyspace.releasing import Pace
from broker.storage import accounts
from broker.storage.database import AWAY, Database

log = structlog.get_logger()

EVERY_S = 1.0
"""Between two looks: a change takes effect within this time."""


class Paces:
    """Reads from SQL which connections are in use and how fast they may be; while SQL is away, what was read stands."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="paces", daemon=True)
        self.now: tuple[Pace, ...] = ()
        self.served = False

    def start(self) -> None:
        """Begin to read."""
        self._thread.start()

    def look(self) -> None:
        """Read once."""
        try:
            found = self._database.read(accounts.paces)
        except (*AWAY, BrokerError) as error:
            log.warning("sql_away", reason=type(error).__name__)
            self.served = False
            return
        self.served = True
        self.now = tuple(
            Pace(connection=name, mps=mps, sender_mps=sender_mps) for name, mps, sender_mps in found
        )

    def close(self) -> None:
        """Read no more."""
        self._stop.set()

    def _run(self) -> None:
        while True:
            self.look()
            if self._stop.wait(EVERY_S):
                return
