"""One writer commits what waits together, and one bad job harms only itself."""

import threading
import time
from collections.abc import Callable
from typing import TypeVar

import pytest
from sqlalchemy import Connection, insert, select
from sqlalchemy.exc import OperationalError

from broker.storage.database import Database
from broker.storage.tables import senders

T = TypeVar("T")


def put(address: str, barrier: Callable[[], None] = lambda: None) -> Callable[[Connection], str]:
    def job(sql: Connection) -> str:
        barrier()
        sql.execute(insert(senders), {"account": "acme", "address": address, "position": 0})
        return address

    return job


def addresses(sql: Connection) -> set[str]:
    return set(sql.execute(select(senders.c.address)).scalars())


def together(
    database: Database, jobs: list[Callable[[Connection], str]], *, first: int | None = None
) -> list[str | BaseException]:
    """Run jobs that all wait before any begins; the one of the number `first` is to be first."""
    busy, gate = threading.Event(), threading.Event()
    results: list[str | BaseException] = [RuntimeError("did not run")] * len(jobs)

    def run(n: int, job: Callable[[Connection], str]) -> None:
        try:
            results[n] = database.write(job, first=n == first)
        except Exception as error:  # noqa: BLE001  # the test looks at it
            results[n] = error

    def hold_the_writer(_: Connection) -> None:
        busy.set()
        gate.wait(30)

    holder = threading.Thread(target=database.write, args=(hold_the_writer,))
    holder.start()
    busy.wait(30)
    threads = [threading.Thread(target=run, args=pair) for pair in enumerate(jobs)]
    for thread in threads:
        thread.start()
    while database.waiting() < len(jobs):
        time.sleep(0.001)
    gate.set()
    for thread in [holder, *threads]:
        thread.join()
    return results


def test_every_job_gets_its_own_result(database: Database) -> None:
    names = [f"+1202555{n:04d}" for n in range(20)]
    assert together(database, [put(name) for name in names]) == names
    assert database.read(addresses) == set(names)


def test_a_job_that_fails_takes_no_other_with_it(database: Database) -> None:
    results = together(database, [put("+12025550101"), put("+12025550102"), put("+12025550101")])
    assert sum(isinstance(result, BaseException) for result in results) == 1
    assert database.read(addresses) == {"+12025550101", "+12025550102"}


def test_what_a_failed_job_wrote_is_gone(database: Database) -> None:
    def job(sql: Connection) -> None:
        put("+12025550101")(sql)
        raise ValueError

    with pytest.raises(ValueError):  # noqa: PT011  # it is this test's own
        database.write(job)
    assert database.read(addresses) == set()


def test_a_job_that_is_to_be_first_waits_for_none_that_are_not(database: Database) -> None:
    order: list[str] = []

    def noting(name: str) -> Callable[[Connection], str]:
        def job(_: Connection) -> str:
            order.append(name)
            return name

        return job

    names = [f"usual{n}" for n in range(20)]
    assert together(database, [noting(name) for name in [*names, "first"]], first=20) == [*names, "first"]
    assert order[0] == "first"


def test_a_closed_database_takes_no_more(database_url: str) -> None:
    database = Database(database_url)
    database.write(put("+12025550101"))
    database.close()
    with pytest.raises(RuntimeError, match="closed"):
        database.write(put("+12025550102"))


def away(times: int, then: Callable[[Connection], T]) -> Callable[[Connection], T]:
    """Return a job that finds the database away so many times."""
    left = [times]

    def job(sql: Connection) -> T:
        if left[0]:
            left[0] -= 1
            raise OperationalError("select 1", None, Exception("the server has gone away"))
        return then(sql)

    return job


def test_a_job_with_patience_outlives_a_database_that_is_away(database: Database) -> None:
    assert database.write(away(2, put("+12025550150")), patience_s=60) == "+12025550150"
    assert database.read(away(2, addresses), patience_s=60) == {"+12025550150"}


def test_a_job_without_patience_is_told_at_once(database: Database) -> None:
    with pytest.raises(OperationalError):
        database.write(away(1, put("+12025550150")))
    assert database.read(addresses) == set()


def test_patience_is_only_for_a_database_that_is_away(database: Database) -> None:
    tries: list[int] = []

    def wrong(_: Connection) -> None:
        tries.append(1)
        raise ValueError("wrong")

    with pytest.raises(ValueError, match="wrong"):
        database.write(wrong, patience_s=60)
    assert tries == [1]


def test_what_is_committed_is_on_disk(database: Database) -> None:
    def level(sql: Connection) -> str:
        if sql.dialect.name == "sqlite":
            said = [
                sql.exec_driver_sql(f"PRAGMA {name}").scalar() for name in ("journal_mode", "synchronous")
            ]
            return " ".join(map(str, said))
        return str(sql.exec_driver_sql("SHOW synchronous_commit").scalar())

    durable = {"wal 2", "on"}  # 2 is FULL: the log is synced at each commit
    assert database.read(level) in durable
    assert database.write(level) in durable
