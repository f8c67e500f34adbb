"""SQL for the ingress's loop: jobs run on threads."""

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor
from typing import TypeVar

from broker.errors import RecordsAway
from broker.storage.away import StorageAway
from broker.storage.database import Database, Sql

T = TypeVar("T")


class AsyncSql:
    """Runs jobs of the database for whoever must not wait on the loop. Raises RecordsAway while SQL is away."""

    def __init__(self, database: Database, executor: Executor) -> None:
        self._database = database
        self._executor = executor

    async def read(self, job: Callable[[Sql], T]) -> T:
        """Run a job that only reads."""
        try:
            return await asyncio.get_running_loop().run_in_executor(self._executor, self._database.read, job)
        except StorageAway as error:
            raise RecordsAway("messages cannot be looked up now") from error

    async def write(self, job: Callable[[Sql], T]) -> T:
        """Run a job in a durable transaction; it may be run twice."""
        try:
            return await asyncio.get_running_loop().run_in_executor(self._executor, self._database.write, job)
        except StorageAway as error:
            raise RecordsAway("messages cannot be changed now") from error
