"""Count anew what Redis lost of an account's quota and credit."""

import asyncio
from concurrent.futures import Executor
from datetime import datetime

from broker.domain import period
from broker.domain.account import Account
from broker.errors import Busy
from broker.keyspace.counters import Counters
from broker.storage import quota
from broker.storage.away import StorageAway
from broker.storage.database import Database, Sql


class Seeding:
    """Sets missing counters from SQL plus what is admitted and not in SQL yet; one account at a time."""

    def __init__(self, counters: Counters, database: Database, executor: Executor) -> None:
        self._counters = counters
        self._database = database
        self._executor = executor
        self._locks: dict[str, asyncio.Lock] = {}

    async def seed(self, account: Account, now: datetime) -> None:
        """Set the account's missing counters.

        Raises:
            Busy: SQL or Redis cannot say what was used.
        """
        lock = self._locks.setdefault(account.name, asyncio.Lock())
        async with lock:
            if not await self._counters.missing(account, now):
                return
            today, this_month = period.day(now, account.timezone), period.month(now, account.timezone)
            # The waiting are counted first: one that moves to SQL meanwhile is counted twice rather than never.
            waiting_today = await self._counters.waiting(account.name, today.start)
            waiting_month = await self._counters.waiting(account.name, this_month.start)
            waiting_ever = (
                await self._counters.waiting(account.name, None) if account.credit is not None else (0, 0)
            )

            def count(sql: Sql) -> tuple[int, int, int | None]:
                return (
                    quota.used_since(sql, account.name, today.start),
                    quota.used_since(sql, account.name, this_month.start),
                    quota.credit_left(sql, account.name),
                )

            loop = asyncio.get_running_loop()
            try:
                day, month, credit = await loop.run_in_executor(self._executor, self._database.read, count)
            except StorageAway as error:
                raise Busy("what the account has used cannot be read now") from error
            await self._counters.seed(
                account,
                now,
                day=day + waiting_today[0],
                month=month + waiting_month[0],
                credit=None if credit is None else credit - waiting_ever[1],
            )
