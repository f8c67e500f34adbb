"""Show operators messages of all accounts, from the instant they are ours."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial

from broker.domain.account import Account
from broker.domain.callback import Told
from broker.domain.dead import Letter
from broker.domain.logbook import Entry, LogQuery
from broker.domain.message import Message, Part, PartState
from broker.domain.record import Record
from broker.domain.search import FileSearch, Found, Search
from broker.domain.value import replace
from broker.errors import NotFound
from broker.keyspace.unrecorded import Unrecorded
from broker.services.histogram import Histogram, histogram
from broker.services.logbook import Logbook
from broker.services.lookup import Lookup
from broker.services.sql import AsyncSql
from broker.storage import attachments, browsing, dead, messages
from broker.storage.database import Sql

MOST_NEW = 999
"""Most new messages that are counted for somebody who looks at a list."""
MOST_SAID = 200
"""Most entries of the event log that a message's page shows of a connection."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Whole:
    """All that is known of a message; `said` is what went over the wire about it, in order, without content."""

    record: Record
    said: Sequence[Entry]
    told: Sequence[Told]
    letter: Letter | None
    units: int
    prepaid: bool


class Browse:
    """Finds messages whosever they are. Raises Busy while SQL or Redis cannot say."""

    def __init__(self, sql: AsyncSql, unrecorded: Unrecorded, lookup: Lookup, logbook: Logbook) -> None:
        self._sql = sql
        self._unrecorded = unrecorded
        self._lookup = lookup
        self._logbook = logbook

    async def page(self, search: Search) -> Found:
        """Return messages on record."""
        return await self._sql.read(partial(browsing.page, search=search))

    async def histogram(self, search: Search) -> Histogram | None:
        """Return when the newest messages of a list were made, and where they stand."""
        return await self._sql.read(partial(histogram, search=search, now=datetime.now(UTC)))

    async def newer(self, search: Search, than: str) -> int:
        """Return how many messages of a list were made since the newest one that somebody sees."""
        return await self._sql.read(partial(browsing.newer, search=search, than=than, most=MOST_NEW))

    async def files(self, search: FileSearch) -> Found:
        """Return messages on record whose files are with us."""
        return await self._sql.read(partial(attachments.page, search=search))

    async def named(self, name: str) -> list[str]:
        """Return the ids of the messages that a person may mean by a name, the newest first."""
        found = await self._sql.read(partial(browsing.named, name=name))
        if not found and await self._unrecorded.find(name) is not None:
            return [name]
        return found

    async def chosen(self, ids: Sequence[str]) -> list[Message]:
        """Return messages by their ids, in that order; those that there are not are left out."""
        found = await self._sql.read(partial(messages.load, ids=ids))
        for name in ids:
            if name not in found and (waiting := await self._unrecorded.find(name)) is not None:
                found[name] = waiting
        return [found[name] for name in ids if name in found]

    async def one(self, message_id: str) -> Whole:
        """Return all that is known of a message; raises NotFound."""
        record = await self._lookup.one(message_id, Account(name=await self.account_of(message_id)))
        names = {attempt.connection for attempt in record.attempts} | {record.message.connection} - {None}
        said: list[Entry] = []
        for name in sorted(one for one in names if one):
            said += await self._said(name, message_id)

        def beside(sql: Sql) -> Whole:
            units, prepaid = browsing.price(sql, message_id)
            return Whole(
                record=record,
                said=(),
                told=browsing.told(sql, message_id),
                letter=dead.find(sql, message_id, account=record.message.account),
                units=units,
                prepaid=prepaid,
            )

        said.sort(key=lambda entry: entry.at)
        return replace(await self._sql.read(beside), said=said)

    async def part(self, message_id: str, index: int) -> Part:
        """Return a part of a message whose bytes are with us; raises NotFound."""
        record = await self._lookup.one(message_id, Account(name=await self.account_of(message_id)))
        for part in record.message.parts:
            if part.index == index and part.state is PartState.STORED and part.path:
                return part
        raise NotFound("there is no such part")

    async def account_of(self, message_id: str) -> str:
        """Return whose a message is; raises NotFound."""
        name = await self._sql.read(partial(browsing.account_of, message_id=message_id))
        if name is None:
            waiting = await self._unrecorded.find(message_id)
            if waiting is not None:
                return waiting.account
            name = await self._sql.read(partial(browsing.account_of, message_id=message_id))
        if name is None:
            raise NotFound("there is no such message")
        return name

    async def _said(self, connection: str, message_id: str) -> list[Entry]:
        query = LogQuery(connection=connection, message=message_id, oldest_first=True, limit=MOST_SAID)
        try:
            found, _ = await self._logbook.page(query)
        except NotFound:
            return []
        return [entry for _, entry in found]
