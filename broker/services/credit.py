"""Say and change what is left of an account's prepaid credit."""

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor
from datetime import UTC, datetime
from typing import TypeVar

from broker.domain.account import Account, NoSuchAccount
from broker.domain.deed import kept
from broker.domain.value import replace
from broker.errors import Busy, InvalidField
from broker.keyspace.counters import Counters
from broker.runtime import Runtime
from broker.services.backlog import repaired_later
from broker.services.seeding import Seeding, unrecorded
from broker.storage import accounts, credit
from broker.storage.away import StorageAway
from broker.storage.credit import Standing
from broker.storage.database import Database, Sql

T = TypeVar("T")

MOST = 10**15
"""Largest amount: the counters stay exact up to nine times as much."""

_TRIES = 3


class Credit:
    """Prepaid credit. The record in SQL decides, Redis's counter is what admission looks at.

    Every method takes an account's name, and raises NoSuchAccount for one that does not exist, Busy while SQL or Redis
    cannot say. An account that was unlimited may send without credit for up to half a minute more, since the ingress
    remembers accounts.
    """

    def __init__(self, counters: Counters, database: Database, executor: Executor) -> None:
        self._counters = counters
        self._seeding = Seeding(counters, database, executor)
        self._database = database
        self._executor = executor

    async def balance(self, account: str) -> int | None:
        """Return what is left, everything admitted paid; None: the account is unlimited."""
        for _ in range(_TRIES):
            known, standing = await self._run(self._database.read, lambda sql: _look(sql, account))
            if known.credit is None or standing is None:
                return None
            told = await self._counters.adjust(account, version=standing.version, adjusted=standing.adjusted)
            if told is not None and told[1] >= standing.version:
                return told[0]
            await self._seeding.seed(known, datetime.now(UTC))
        raise Busy("what is left cannot be read now")

    async def set_balance(
        self, account: str, balance: int | None, *, who: str, reason: str = ""
    ) -> int | None:
        """Make the balance this, what is admitted already paid, or the account unlimited; return the balance.

        Numbers in the reason are masked, here as in `add_balance`: all who look see it.
        """
        _check(balance or 0)
        waiting = await self._counters.waiting(account)

        def job(sql: Sql) -> None:
            _look(sql, account)
            before = credit.lock(sql, account)
            if balance is None:
                after = replace(before, limited=False, version=before.version + 1)
            else:
                # Only now nobody else can record any of them.
                reserved = sum(one.reserved for one in unrecorded(sql, waiting))
                after = _adjusted(before, balance + reserved - before.balance)
            now = datetime.now(UTC)
            credit.change(sql, account, before, after, at=now, who=who, reason=kept(reason), balance=balance)

        await self._run(self._database.write, job)
        return await self.balance(account)

    async def add_balance(self, account: str, amount: int, *, who: str, reason: str = "") -> int | None:
        """Give an account credit, or take some; return the balance. An unlimited account stays as it is."""
        _check(amount)

        def job(sql: Sql) -> None:
            _look(sql, account)
            before = credit.lock(sql, account)
            if before.limited:
                after = _adjusted(before, amount)
                _check(after.balance)
                now = datetime.now(UTC)
                credit.change(
                    sql, account, before, after, at=now, who=who, reason=kept(reason), balance=after.balance
                )

        await self._run(self._database.write, job)
        return await self.balance(account)

    async def _run(self, run: Callable[[Callable[[Sql], T]], T], job: Callable[[Sql], T]) -> T:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._executor, run, job)
        except StorageAway as error:
            raise Busy("credit cannot be read or changed now") from error


def keep_up(runtime: Runtime) -> None:
    """Let every counter learn what was given back since, also what a worker that died did not tell."""
    with repaired_later():
        runtime.credits.keep_up(
            {
                name: (one.version, one.adjusted)
                for name, one in runtime.database.read(credit.standings).items()
            }
        )


def _look(sql: Sql, account: str) -> tuple[Account, Standing | None]:
    known = accounts.by_name(sql, account)
    if known is None:
        raise NoSuchAccount("there is no such account")
    return known, credit.standing(sql, account)


def _adjusted(before: Standing, delta: int) -> Standing:
    return Standing(
        limited=True,
        balance=before.balance + delta,
        adjusted=before.adjusted + delta,
        version=before.version + 1,
    )


def _check(amount: int) -> None:
    if abs(amount) > MOST:
        raise InvalidField(f"must lie between -{MOST} and {MOST}", pointer="/credits")
