"""Run functions in transactions: many readers, and one writer that commits waiting jobs together."""

import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeVar

from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError

from broker.metrics.measures import SQL_COMMITS, SQL_ERRORS, SQL_WAITING
from broker.metrics.meter import Meter
from broker.storage.engine import READING, open_engine, purge

T = TypeVar("T")
Sql = Connection
Job = Callable[[Connection], T]

AWAY = (OperationalError, InterfaceError)
"""What is raised while the database does not serve."""

PAUSE_S = 0.2
"""Between two tries to reach it."""

MOST_TOGETHER = 8
"""Most jobs in one transaction: each brings at most a take's 200 messages."""


class Database:
    """One database, and one thread of this process that writes to it.

    A job is a function of a connection. It may be run twice when another job of its transaction fails, so it must
    not have any effect but on the connection.
    """

    def __init__(self, url: str, *, meter: Meter | None = None) -> None:
        self._engine = open_engine(url)
        self._meter = meter
        if meter is not None:
            meter.show(SQL_WAITING, lambda: {(): self.waiting()})
        self._waiting: deque[tuple[Job[Any], Future[Any]]] = deque()
        self._first: deque[tuple[Job[Any], Future[Any]]] = deque()
        self._bell = threading.Condition()
        self._writer: threading.Thread | None = None
        self._closed = False

    def read(self, job: Job[T], *, patience_s: float = 0.0) -> T:
        """Run a job that only reads, on the calling thread; again for `patience_s` seconds while SQL is away."""
        return self._patiently(lambda: self._read(job), patience_s)

    def _read(self, job: Job[T]) -> T:
        with self._engine.connect().execution_options(**{READING: True}) as connection, connection.begin():
            return job(connection)

    def snapshot(self, job: Job[T]) -> T:
        """Run a job that only reads, on the calling thread; all its reads see one and the same moment."""

        def still(connection: Connection) -> T:
            if connection.dialect.name == "postgresql":  # SQLite reads so by itself
                connection.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"))
            return job(connection)

        return self.read(still)

    def write(self, job: Job[T], *, patience_s: float = 0.0, first: bool = False) -> T:
        """Run a job in a durable transaction and return its result once that is committed.

        Jobs that wait together are committed together. While the database is away the job is tried again for
        `patience_s` seconds: it may have been committed before, so it must be fit to run twice. Raises whatever the
        job raised. One that is to be `first` waits for none but those before it that were, too.
        """
        return self._patiently(lambda: self._hand_in(job, first=first), patience_s)

    def _patiently(self, attempt: Callable[[], T], patience_s: float) -> T:
        until = time.monotonic() + patience_s
        while True:
            try:
                return attempt()
            except AWAY:
                if self._meter is not None:
                    self._meter.count(SQL_ERRORS)
                if time.monotonic() >= until:
                    raise
            time.sleep(PAUSE_S)

    def _hand_in(self, job: Job[T], *, first: bool) -> T:
        future: Future[T] = Future()
        with self._bell:
            if self._closed:
                raise RuntimeError("the database is closed")
            if self._writer is None:
                self._writer = threading.Thread(target=self._run, name="sql-writer", daemon=True)
                self._writer.start()
            (self._first if first else self._waiting).append((job, future))
            self._bell.notify()
        return future.result()

    def purge(self) -> bool:
        """Leave nothing in the database's own files of what was deleted or changed; say whether that could be done.

        SQLite keeps old pages in its log until it is cut off; PostgreSQL sees to it by itself (VACUUM).
        """
        return purge(self._engine)

    def waiting(self) -> int:
        """Return how many jobs wait for the writer."""
        return len(self._waiting) + len(self._first)

    def close(self) -> None:
        """Finish what waits and close every connection."""
        with self._bell:
            self._closed = True
            self._bell.notify()
        if self._writer is not None:
            self._writer.join()
        self._engine.dispose()

    def _run(self) -> None:
        while True:
            with self._bell:
                while not self.waiting() and not self._closed:
                    self._bell.wait()
                if not self.waiting():
                    return
                line = self._first or self._waiting
                jobs = [line.popleft() for _ in range(min(len(line), MOST_TOGETHER))]
            self._commit(jobs)

    def _commit(self, jobs: list[tuple[Job[Any], Future[Any]]]) -> None:
        started = time.perf_counter()
        try:
            with self._engine.begin() as connection:
                results = [job(connection) for job, _ in jobs]
        except BaseException as error:  # noqa: BLE001  # handed to whoever waits for it
            if len(jobs) == 1 and not _is_conflict(error):
                jobs[0][1].set_exception(error)
                return
            for job, future in jobs:
                self._commit_alone(job, future)
        else:
            if self._meter is not None:
                self._meter.time(SQL_COMMITS, time.perf_counter() - started)
            for (_, future), result in zip(jobs, results, strict=True):
                future.set_result(result)

    def _commit_alone(self, job: Job[Any], future: Future[Any]) -> None:
        try:
            with self._engine.begin() as connection:
                result = job(connection)
        except BaseException as error:  # noqa: BLE001  # handed to whoever waits for it
            future.set_exception(error)
        else:
            future.set_result(result)


def _is_conflict(error: BaseException) -> bool:
    """Say whether two PostgreSQL transactions got in each other's way, so that once more is worth it."""
    return isinstance(error, DBAPIError) and getattr(error.orig, "sqlstate", None) in {"40001", "40P01"}
