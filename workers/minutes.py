"""The scheduler's notes of each minute, which also show whether SQL can be written."""

import threading
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import partial

import structlog

from broker.domain.status import BAD_ENDS, GOOD_ENDS
from broker.keyspace.census import look_from_thread
from broker.keyspace.client import AWAY, Sync
from broker.storage import accounts, minutes
from broker.storage.away import StorageAway, cause
from broker.storage.database import Database, Sql
from broker.storage.minutes import MINUTE, Count

log = structlog.get_logger()

EVERY_S = 5.0
"""Between two notes."""

BACK = 60
"""So many minutes are counted when a scheduler begins to lead, where nobody did it before."""

AGAIN = (10, 60)
"""So many minutes later a minute is counted again: what became of its messages shows by then."""


class Minutes:
    """Notes what waits, and each minute what the last ones brought; a standby only shows that it could write."""

    def __init__(self, database: Database, client: Sync, *, leads: Callable[[], bool]) -> None:
        self._database = database
        self._client = client
        self._leads = leads
        self._counted: datetime | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="minutes", daemon=True)
        self.served = True

    def start(self) -> None:
        """Begin to note."""
        self._thread.start()

    def look(self, now: datetime | None = None) -> None:
        """Note once; while SQL takes nothing, `served` says so."""
        minute = (now or datetime.now(UTC)).replace(second=0, microsecond=0)
        try:
            self._database.write(partial(minutes.see, at=minute, depth=self._depth()))
            self.served = True
        except StorageAway as error:
            self.served = False
            log.warning("sql_takes_nothing", cause=cause(error))
            return
        if self._leads() and self._counted != minute:
            self._count(minute)

    def close(self) -> None:
        """Note no more."""
        self._stop.set()

    def _count(self, minute: datetime) -> None:
        try:
            counts = self._database.read(partial(_counts, minute=minute))
            self._database.write(partial(minutes.note, counts=counts))
            self._counted = minute
        except StorageAway as error:  # too much to read in time, say: what is written is taken all the same
            log.warning("minutes_not_counted", cause=cause(error))

    def _depth(self) -> Mapping[str, int] | None:
        try:
            return look_from_thread(self._client, ()).waiting()
        except AWAY:
            return None

    def _run(self) -> None:
        while True:
            self.look()
            if self._stop.wait(EVERY_S):
                return


def _counts(sql: Sql, *, minute: datetime) -> dict[datetime, Count]:
    names = [one.name for one in accounts.usages(sql)]
    known = minutes.counted(sql, minute - BACK * MINUTE)
    last = [minute - number * MINUTE for number in range(1, BACK + 1)]
    wanted = {one for one in last if one not in known} | {minute - number * MINUTE for number in AGAIN}
    return {one: minutes.count(sql, one, names=names, good=GOOD_ENDS, bad=BAD_ENDS) for one in sorted(wanted)}
