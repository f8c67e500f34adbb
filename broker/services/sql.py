"""SQL for the ingress's loop: jobs run on threads."""

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor
from functools import partial
from typing import TypeVar

from broker.errors import RecordsAway
from broker.log import get_logger
from broker.storage.away import StorageAway, cause
from broker.storage.database import Database, Sql

T = TypeVar("T")
log = get_logger()

PATIENCE_S = 1.0
"""How long a call tries again: SQLite has moments in which it serves nobody, as after the death of a writer."""


class AsyncSql:
    """Runs jobs of the database for whoever must not wait on the loop. Raises RecordsAway while SQL is away."""

    def __init__(self, database: Database, executor: Executor) -> None:
        self.database = database
        self.executor = executor

    async def read(self, job: Callable[[Sql], T]) -> T:
        """Run a job that only reads."""
        return await self._run(partial(self.database.read, job, patience_s=PATIENCE_S), "looked up")

    async def write(self, job: Callable[[Sql], T]) -> T:
        """Run a job in a durable transaction; it may be run twice."""
        return await self._run(partial(self.database.write, job, patience_s=PATIENCE_S), "changed")

    async def _run(self, call: Callable[[], T], what: str) -> T:
        try:
            return await asyncio.get_running_loop().run_in_executor(self.executor, call)
        except StorageAway as error:
            log.warning("sql_away", cause=cause(error))
            raise RecordsAway(f"messages cannot be {what} now") from error
