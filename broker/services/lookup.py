"""Find messages for their account, from the instant they are ours."""

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor
from typing import TypeVar

from broker.domain.account import Account
from broker.domain.message import Message
from broker.domain.record import Happening, MessageQuery, Record
from broker.domain.status import Event
from broker.errors import Busy, NotFound
from broker.keyspace.unrecorded import Unrecorded
from broker.storage import reading
from broker.storage.away import StorageAway
from broker.storage.database import Database, Sql

T = TypeVar("T")


class Lookup:
    """Asks SQL, then Redis, then SQL again: a message that moves between the two is seen in one of them."""

    def __init__(self, database: Database, unrecorded: Unrecorded, executor: Executor) -> None:
        self._database = database
        self._unrecorded = unrecorded
        self._executor = executor

    async def one(self, message_id: str, account: Account) -> Record:
        """Return what is known of a message.

        Raises:
            NotFound: there is no such message, or it is another account's.
            Busy: SQL or Redis cannot say.
        """
        record = await self._recorded(message_id, account)
        if record is None:
            message = await self._unrecorded.find(message_id)
            if message is not None and message.account == account.name:
                return _fresh(message)
            record = await self._recorded(message_id, account)
        if record is None:
            raise NotFound("there is no such message")
        return record

    async def page(self, query: MessageQuery, account: Account) -> tuple[list[Message], str | None]:
        """Return an account's messages, newest first, and the id that the page ends with if there are older ones.

        Raises:
            Busy: SQL is away.
        """
        return await self._read(lambda sql: reading.page(sql, query, account=account.name))

    async def _recorded(self, message_id: str, account: Account) -> Record | None:
        return await self._read(lambda sql: reading.record(sql, message_id, account=account.name))

    async def _read(self, job: Callable[[Sql], T]) -> T:
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(self._executor, self._database.read, job)
        except StorageAway as error:
            raise Busy("messages cannot be looked up now") from error


def _fresh(message: Message) -> Record:
    """Return the record of a message that nobody has taken yet."""
    admitted = Happening(at=message.created_at, type=Event.ADMIT, status=message.status)
    return Record(message=message, updated_at=message.created_at, events=(admitted,))
