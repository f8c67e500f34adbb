"""What an account has used of its day and month, counted anew from the record and from what waits."""

from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from broker.dispatch import Queue
from broker.domain.account import Account
from broker.domain.ids import new_id
from broker.domain.message import Message
from broker.domain.status import Event
from broker.domain.value import replace
from broker.errors import QuotaExceeded
from broker.keyspace.admission import Admission, AdmissionRequest, AdmissionResult
from broker.keyspace.client import Async, Sync, open_async, open_sync
from broker.keyspace.counters import Counters
from broker.keyspace.ready import Ready
from broker.services.seeding import Seeding
from broker.settings import Settings
from broker.storage import messages
from broker.storage.database import Database
from broker.storage.messages import Fresh
from tests.integration.services.conftest import outbound

ACME = Account(name="acme", daily_limit=100, monthly_limit=1000)
NEW_YORK = replace(ACME, timezone="America/New_York")
NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


@pytest.fixture
async def client(settings: Settings) -> AsyncIterator[Async]:
    one = open_async(settings.redis_url, settings)
    yield one
    await one.aclose()


@pytest.fixture
def worker_client(settings: Settings) -> Iterator[Sync]:
    with open_sync(settings.redis_url, settings) as one:
        yield one


@pytest.fixture
async def admission(settings: Settings) -> AsyncIterator[Admission]:
    one = Admission(settings.redis_url, settings)
    yield one
    await one.close()


@pytest.fixture
def seeding(client: Async, database: Database) -> Iterator[Seeding]:
    with ThreadPoolExecutor(2) as threads:
        yield Seeding(Counters(client), database, threads)


def sent_at(at: datetime, **changes: Any) -> Message:
    return outbound(id=new_id(round(at.timestamp() * 1000)), created_at=at, **changes)


def record(database: Database, *sent: Message) -> None:
    fresh = [Fresh(message=one, event=Event.CLAIM, due_at=1) for one in sent]
    database.write(lambda sql: messages.add(sql, fresh))


async def admit(admission: Admission, seeding: Seeding, *sent: Message, account: Account = ACME) -> None:
    request = AdmissionRequest(account=account, messages=sent, now=sent[0].created_at)
    while not isinstance(await admission.admit(request), AdmissionResult):
        await seeding.seed(account, request.now)


async def used(client: Async, day: str) -> tuple[int, int]:
    counts = await client.mget(f"quota:acme:{day}", f"quota:acme:{day[:7]}")
    return int(counts[0]), int(counts[1])


async def test_a_request_counts_once_however_many_it_is_for(
    admission: Admission, seeding: Seeding, client: Async
) -> None:
    batch = new_id()
    await admit(admission, seeding, *(sent_at(NOON, batch=batch) for _ in range(3)))
    await admit(admission, seeding, sent_at(NOON))
    assert await used(client, "2026-11-21") == (2, 2)


async def test_what_redis_lost_is_counted_from_what_waits_and_what_is_recorded(
    admission: Admission, seeding: Seeding, client: Async, worker_client: Sync, database: Database
) -> None:
    batch = new_id()
    several = [sent_at(NOON, batch=batch) for _ in range(4)]
    await admit(admission, seeding, *several)
    await admit(admission, seeding, sent_at(NOON))
    # Half of the batch is on record, one of these still waits too, since its worker died.
    ready = Ready(worker_client, rings=8, put_back_s=5)
    record(database, *several[:2])
    ready.drop(Queue.SUBMIT, [several[0].id], contents=[f"msg:{several[0].id}"])
    record(database, sent_at(NOON), sent_at(NOON - timedelta(days=2)), sent_at(NOON - timedelta(days=40)))
    await client.delete("quota:acme:2026-11-21", "quota:acme:2026-11")
    await seeding.seed(ACME, NOON)
    assert await used(client, "2026-11-21") == (3, 4)


async def test_what_is_refused_counts_nothing(
    admission: Admission, seeding: Seeding, client: Async, database: Database
) -> None:
    one = replace(ACME, daily_limit=1)
    await admit(admission, seeding, sent_at(NOON), account=one)
    for _ in range(3):
        with pytest.raises(QuotaExceeded):
            await admit(admission, seeding, sent_at(NOON), account=one)
    assert await used(client, "2026-11-21") == (1, 1)
    await client.delete("quota:acme:2026-11-21", "quota:acme:2026-11")
    await seeding.seed(one, NOON)
    assert await used(client, "2026-11-21") == (1, 1)


@pytest.mark.parametrize(
    ("day", "start", "hours"),
    [
        ("2026-03-08", datetime(2026, 3, 8, 5, tzinfo=UTC), 23),
        ("2026-11-01", datetime(2026, 11, 1, 4, tzinfo=UTC), 25),
        ("2026-11-21", datetime(2026, 11, 21, 5, tzinfo=UTC), 24),
    ],
)
async def test_a_day_is_the_accounts_own_however_long(
    seeding: Seeding, client: Async, database: Database, day: str, start: datetime, hours: int
) -> None:
    second, end = timedelta(seconds=1), start + timedelta(hours=hours)
    record(database, *(sent_at(at) for at in (start - second, start, end - second, end)))
    await seeding.seed(NEW_YORK, end - second)
    assert (await used(client, day))[0] == 3  # the one after the end is ahead of the clock, and not left out
    await seeding.seed(NEW_YORK, end)
    tomorrow = end.date().isoformat()
    assert (await used(client, tomorrow))[0] == 1


async def test_a_request_belongs_to_the_day_it_was_counted_in(
    seeding: Seeding, client: Async, database: Database
) -> None:
    """Its id may be made a moment after midnight."""
    midnight = datetime(2026, 11, 22, tzinfo=UTC)
    late = outbound(
        id=new_id(round(midnight.timestamp() * 1000)), created_at=midnight - timedelta(milliseconds=1)
    )
    record(database, late)
    await seeding.seed(ACME, midnight)
    assert (await used(client, "2026-11-22"))[0] == 0
