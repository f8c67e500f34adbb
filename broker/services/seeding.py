"""Count anew what Redis lost of an account's quota and credit."""

import asyncio
from collections.abc import Sequence
from concurrent.futures import Executor
from datetime import datetime

from broker.domain import period
from broker.domain.account import Account
from broker.errors import RecordsAway
from broker.keyspace.counters import Counted, Counters, Waiting
from broker.storage import credit, quota
from broker.storage.away import StorageAway
from broker.storage.database import Database, Sql


class Seeding:
    """Sets missing counters from SQL plus what is admitted and not in SQL yet; one account at a time.

    Exact, whatever moves meanwhile. What waits is read first and SQL second, in one snapshot, which also says which of
    the waiting it holds already. Nothing is admitted while a counter is missing, and once it is there it is left alone.
    What is given or taken back at the same time carries a version that the counter does not know yet.
    """

    def __init__(self, counters: Counters, database: Database, executor: Executor) -> None:
        self._counters = counters
        self._database = database
        self._executor = executor
        self._locks: dict[str, asyncio.Lock] = {}

    async def check(self, account: Account, now: datetime, *, wanted: int) -> None:
        """Return if a request for so many credits would be taken now.

        Raises:
            QuotaExceeded, OutOfCredit: it would not.
            Busy: SQL or Redis cannot say what was used.
        """
        await self.seed(account, now)
        await self._counters.check(account, now, wanted=wanted)

    async def seed(self, account: Account, now: datetime) -> None:
        """Set the account's missing counters, or none if Redis loses something meanwhile.

        Raises:
            Busy: SQL or Redis cannot say what was used.
        """
        lock = self._locks.setdefault(account.name, asyncio.Lock())
        async with lock:
            if not await self._counters.missing(account, now):
                return
            mark = await self._counters.begin(account.name)
            waiting = await self._counters.waiting(account.name)

            def job(sql: Sql) -> Counted:
                return count(sql, account, now, waiting)

            loop = asyncio.get_running_loop()
            try:
                counted = await loop.run_in_executor(self._executor, self._database.snapshot, job)
            except StorageAway as error:
                raise RecordsAway("what the account has used cannot be read now") from error
            await self._counters.seed(account, now, counted, mark=mark)


def count(sql: Sql, account: Account, now: datetime, waiting: Sequence[Waiting]) -> Counted:
    """Return what an account has used; `waiting` was read before, and some of it may be on record by now."""
    today, this_month = period.day(now, account.timezone), period.month(now, account.timezone)
    rest = unrecorded(sql, waiting)
    batches = quota.recorded_batches(sql, {one.batch for one in rest if one.batch is not None})
    requests = {one.batch or one.id: one.at for one in rest if one.batch not in batches}
    standing = credit.standing(sql, account.name)
    day, month = (
        quota.used_since(sql, account.name, since) + sum(moment >= since for moment in requests.values())
        for since in (today.start, this_month.start)
    )
    if standing is None:
        return Counted(day=day, month=month)
    return Counted(
        day=day,
        month=month,
        left=standing.balance - sum(one.reserved for one in rest),
        version=standing.version,
        adjusted=standing.adjusted,
    )


def unrecorded(sql: Sql, waiting: Sequence[Waiting]) -> list[Waiting]:
    """Return those of the waiting that the record does not hold."""
    known = quota.recorded(sql, {one.id for one in waiting})
    return [one for one in waiting if one.id not in known]
