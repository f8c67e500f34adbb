"""Find messages for their account, from the instant they are ours."""

from concurrent.futures import Executor
from operator import attrgetter

from broker.domain.account import Account
from broker.domain.bill import Bill, BillingQuery
from broker.domain.dead import SET_ASIDE, Letter, Standing
from broker.domain.ids import is_id, made_at
from broker.domain.message import Message
from broker.domain.record import Happening, MessageQuery, Record
from broker.domain.status import Event, Status
from broker.errors import NotFound
from broker.keyspace.unrecorded import Unrecorded
from broker.services.sql import AsyncSql
from broker.storage import billing, dead, folders, reading
from broker.storage.database import Database


class Lookup:
    """Asks SQL, then Redis, then SQL again: a message that moves between the two is seen in one of them."""

    def __init__(self, database: Database, unrecorded: Unrecorded, executor: Executor) -> None:
        self._sql = AsyncSql(database, executor)
        self._unrecorded = unrecorded

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
            record = await self._set_aside(message_id, account)
        if record is None:
            raise NotFound("there is no such message")
        return record

    async def named(self, name: str, account: Account) -> Record:
        """Return what is known of a message by our id, or by the customer's own; raises as `one` does."""
        if is_id(name.lower()):
            try:
                return await self.one(name.lower(), account)
            except NotFound:
                pass  # customers' own ids may look like ours
        found = await self._sql.read(lambda sql: folders.named(sql, [name], account=account.name))
        message_id = found[name].id if name in found else await self._unrecorded.named(account.name, name)
        if message_id is None:
            raise NotFound("there is no such message")
        return await self.one(message_id, account)

    async def arrival(self, number: int, account: Account) -> Record:
        """Return what is known of a message that arrived for the account, by its public number.

        Raises:
            NotFound: there is no such message, or it is another account's.
            RecordsAway: SQL is away.
        """
        record = await self._sql.read(lambda sql: reading.arrival(sql, number, account=account.name))
        if record is None:
            raise NotFound("there is no such message")
        return record

    async def page(self, query: MessageQuery, account: Account) -> tuple[list[Message], str | None]:
        """Return an account's messages, newest first, and the id that the page ends with if there are older ones.

        Raises:
            RecordsAway: SQL is away, or Redis where a public number is asked for.
        """
        # Redis first: what is no longer there is in SQL by then. A list of other things may lag by a moment.
        waiting = [] if query.number is None else await self._unrecorded.numbered(query.number)
        found, last_id = await self._sql.read(lambda sql: reading.page(sql, query, account=account.name))
        known = {message.id for message in found}
        fresh = [one for one in waiting if one.id not in known and _is_wanted(one, query, account)]
        if not fresh:
            return found, last_id
        together = sorted([*found, *fresh], key=attrgetter("id"), reverse=True)
        shown = together[: query.limit]
        return shown, shown[-1].id if last_id or len(together) > query.limit else None

    async def bills(self, query: BillingQuery, account: Account) -> tuple[list[Bill], str | None]:
        """Return an account's bills, oldest first, and the id that the page ends with if there are later ones.

        Raises:
            Busy: SQL is away.
        """
        return await self._sql.read(lambda sql: billing.page(sql, account.name, query))

    async def _recorded(self, message_id: str, account: Account) -> Record | None:
        return await self._sql.read(lambda sql: reading.record(sql, message_id, account=account.name))

    async def _set_aside(self, message_id: str, account: Account) -> Record | None:
        if not is_id(message_id):
            return None
        letter = await self._sql.read(lambda sql: dead.find(sql, message_id, account=account.name))
        return None if letter is None else _aside(letter, account)


def _aside(letter: Letter, account: Account) -> Record:
    """Return what is known of a message that cannot be recorded as it is."""
    admitted = made_at(letter.subject)
    discarded = letter.standing is Standing.DISCARDED
    status = Status.REJECTED if discarded else Status.ACCEPTED
    message = Message(
        id=letter.subject,
        account=account.name,
        status=status,
        originator="",
        recipient="",
        created_at=admitted,
        valid_until=admitted,
    )
    events = [
        Happening(at=admitted, type=Event.ADMIT, status=Status.ACCEPTED),
        Happening(at=letter.at, type=Event.PARK, detail=SET_ASIDE),
    ]
    if discarded:
        at = letter.settled_at or letter.at
        events.append(Happening(at=at, type=Event.REFUSE, status=status, detail=letter.reason))
    return Record(message=message, updated_at=letter.settled_at or letter.at, events=tuple(events))


def _is_wanted(message: Message, query: MessageQuery, account: Account) -> bool:
    """Say of a message that SQL does not hold whether it answers the question."""
    asked = (
        (query.direction, message.direction),
        (query.status, message.status),
        (query.to, message.recipient),
        (query.from_, message.originator),
        (query.reference, message.reference),
        (query.number, message.number),
    )
    mine = message.account == account.name and (query.cursor is None or message.id < query.cursor)
    tagged = query.tag is None or query.tag.fits(message.tags)
    return mine and tagged and all(wanted in (None, value) for wanted, value in asked)


def _fresh(message: Message) -> Record:
    """Return the record of a message that nobody has taken yet."""
    admitted = Happening(at=message.created_at, type=Event.ADMIT, status=message.status)
    return Record(message=message, updated_at=message.created_at, events=(admitted,))
