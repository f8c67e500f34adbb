"""A public number finds its messages, wherever they are by now."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from broker.domain.account import Account
from broker.domain.message import Message
from broker.domain.record import MessageQuery
from broker.domain.status import Event, Status
from broker.keyspace.admission import Admission, AdmissionRequest
from broker.keyspace.client import open_async
from broker.keyspace.unrecorded import Unrecorded
from broker.services.lookup import Lookup
from broker.settings import Settings
from broker.storage import messages, schema
from broker.storage.database import Database
from broker.storage.messages import Fresh
from tests.factories import NOW, NOW_MS, make_message

ACME, OTHER = Account(name="acme"), Account(name="globex")
NUMBER = 3_756_302_196_834_664_447


@pytest.fixture
def database(settings: Settings) -> Iterator[Database]:
    """An empty database."""
    schema.upgrade(settings.database)
    one = Database(settings.database)
    yield one
    one.close()


@pytest.fixture
async def lookup(settings: Settings, database: Database) -> AsyncIterator[Lookup]:
    """What the look-ups of the API ask."""
    client = open_async(settings.redis_url, settings)
    with ThreadPoolExecutor(2) as executor:
        yield Lookup(database, Unrecorded(client), executor)
    await client.aclose()


@pytest.fixture
async def batch(settings: Settings) -> tuple[Message, ...]:
    """Three messages of one request that were just admitted."""
    three = tuple(make_message(number=NUMBER, batch="b", account="acme") for _ in range(3))
    admission = Admission(settings.redis_url, settings)
    await admission.admit(AdmissionRequest(account=ACME, messages=three, now=NOW))
    await admission.close()
    return three


def record(database: Database, *taken: Message) -> None:
    """Do what the first take does to SQL."""
    fresh = [Fresh(message=one, event=Event.CLAIM, due_at=NOW_MS) for one in taken]
    database.write(lambda sql: messages.add(sql, fresh))


async def ids(lookup: Lookup, account: Account = ACME, **changes: object) -> list[str]:
    """Return the ids that a question by number finds."""
    query = MessageQuery(number=NUMBER, **changes)  # type: ignore[arg-type]
    return [message.id for message in (await lookup.page(query, account))[0]]


async def test_from_the_instant_the_request_is_ours(lookup: Lookup, batch: tuple[Message, ...]) -> None:
    assert await ids(lookup) == sorted((one.id for one in batch), reverse=True)
    assert await ids(lookup, OTHER) == []


async def test_also_while_some_of_them_are_taken(
    lookup: Lookup, batch: tuple[Message, ...], database: Database
) -> None:
    record(database, batch[1])
    found, cursor = await lookup.page(MessageQuery(number=NUMBER), ACME)
    assert {one.id: one.status for one in found} == {
        batch[0].id: Status.ACCEPTED,
        batch[1].id: Status.SUBMITTING,
        batch[2].id: Status.ACCEPTED,
    }
    assert cursor is None


async def test_page_by_page(lookup: Lookup, batch: tuple[Message, ...], database: Database) -> None:
    record(database, batch[1])
    first, cursor = await lookup.page(MessageQuery(number=NUMBER, limit=2), ACME)
    second, end = await lookup.page(MessageQuery(number=NUMBER, limit=2, cursor=cursor), ACME)
    assert [one.id for one in (*first, *second)] == sorted((one.id for one in batch), reverse=True)
    assert end is None


async def test_narrowed_by_what_else_is_asked(lookup: Lookup, batch: tuple[Message, ...]) -> None:
    assert await ids(lookup, status=Status.DELIVERED) == []
    assert len(await ids(lookup, status=Status.ACCEPTED)) == len(batch)


async def test_in_sql_alone_when_redis_has_forgotten(
    lookup: Lookup, batch: tuple[Message, ...], database: Database, settings: Settings
) -> None:
    record(database, *batch)
    client = open_async(settings.redis_url, settings)
    await client.flushdb()
    await client.aclose()
    assert len(await asyncio.wait_for(ids(lookup), 10)) == len(batch)
