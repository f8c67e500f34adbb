"""Customers delete and mark: what has not been sent yet is then never sent, whoever is quicker."""

import asyncio
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest

from broker.directory import Snapshot
from broker.dispatch import Queue
from broker.domain.account import CallbackPlan
from broker.domain.ask import HandleMessages, Handling, ListMessages
from broker.domain.folder import Folder
from broker.domain.ids import new_id
from broker.domain.message import Direction, Message
from broker.domain.status import Event, Status
from broker.domain.value import replace
from broker.errors import Busy
from broker.ingress.swift import WRITTEN_S
from broker.keyspace.client import open_async
from broker.keyspace.clock import Clock
from broker.keyspace.unrecorded import Unrecorded
from broker.providers.choice import provider_for
from broker.runtime import Runtime
from broker.services import submit
from broker.services.claim import Claimed, claim
from broker.services.folders import HELD_MS, Folders
from broker.services.handle import Handle, Wish, do
from broker.services.openings import Openings
from broker.services.sql import AsyncSql
from broker.settings import Settings
from broker.storage import callbacks, due, folders, messages, reading
from broker.storage.database import Database
from broker.storage.messages import Fresh
from tests.factories import NOW_MS, make_connection, make_message
from tests.integration.services.conftest import ACCOUNT, Carrier, admit, outbound
from tests.redis_server import RedisServer

SETTINGS = Settings()
NOBODY = Snapshot(providers={}, routes={}, owners={}, policies={})


def wish(*names: str, **changes: Any) -> Wish:
    """What `acme` wants: names deleted in any folder."""
    values: dict[str, Any] = {
        "account": "acme",
        "names": names,
        "handling": Handling.DELETE,
        "folder": None,
        "now_ms": NOW_MS,
        "known": NOBODY,
        "settings": SETTINGS,
    }
    return Wish(**{**values, **changes})


def status_of(database: Database, name: str) -> Status:
    return database.read(lambda sql: messages.load(sql, [name]))[name].status


def keep(database: Database, *many: Message) -> None:
    database.write(lambda sql: messages.add(sql, [Fresh(message=one, event=None) for one in many]))


def carrying() -> Snapshot:
    """A snapshot with one connection that carries everything."""
    return replace(NOBODY, providers={"bandwidth-1": provider_for(make_connection())})


def claimed_of(database: Database, message: Message) -> Claimed:
    """Return what a worker claims that has popped a message."""
    return database.write(
        lambda sql: claim(
            sql,
            [message.id],
            {message.id: message},
            known=carrying(),
            now_ms=NOW_MS,
            settings=SETTINGS,
            openings=Openings(),
        )
    )


def test_what_was_deleted_before_a_worker_had_it_is_never_claimed(database: Database) -> None:
    message = make_message(valid_until=datetime.now(UTC) + timedelta(days=1))
    done, unknown = database.write(lambda sql: do(sql, wish=wish(message.id), waiting=[message]))
    claimed = claimed_of(database, message)
    assert (done, unknown) == ({message.id}, [])
    assert claimed.submissions == ()
    assert status_of(database, message.id) is Status.CANCELLED


def test_what_a_worker_has_claimed_is_deleted_and_sent_all_the_same(database: Database) -> None:
    message = make_message(valid_until=datetime.now(UTC) + timedelta(days=1))
    claimed = claimed_of(database, message)
    done, _ = database.write(lambda sql: do(sql, wish=wish(message.id), waiting=[message]))
    assert len(claimed.submissions) == 1
    assert done == {message.id}
    assert status_of(database, message.id) is Status.SUBMITTING
    (record,) = database.read(lambda sql: folders.records(sql, [message.id]))
    assert record.deleted_at is not None


@pytest.mark.parametrize("status", [Status.QUEUED, Status.PREPARING, Status.SCHEDULED, Status.RETRYING])
def test_what_waits_is_cancelled(database: Database, status: Status) -> None:
    message = make_message(status=status)
    keep(database, message)
    database.write(lambda sql: do(sql, wish=wish(message.id)))
    assert status_of(database, message.id) is Status.CANCELLED
    found = database.read(lambda sql: due.due(sql, NOW_MS * 2, limit=10))
    assert found == [], "nobody looks at it again"


def test_a_message_of_a_group_is_put_away_and_goes_on(database: Database) -> None:
    ids = [new_id(), new_id()]
    many = [make_message(id=one, status=Status.QUEUED, group=True, members=tuple(ids)) for one in ids]
    keep(database, *many)
    done, _ = database.write(lambda sql: do(sql, wish=wish(ids[0])))
    assert done == {ids[0]}
    assert [status_of(database, one) for one in ids] == [Status.QUEUED, Status.QUEUED]


def test_who_is_to_be_told_hears_that_a_message_was_cancelled(database: Database) -> None:
    plans = {"acme": CallbackPlan(url="http://customer.example/told")}
    message = make_message(status=Status.QUEUED)
    keep(database, message)
    known = replace(NOBODY, callbacks=plans)
    for _ in range(2):
        database.write(lambda sql: do(sql, wish=wish(message.id, known=known)))
    due = database.read(lambda sql: callbacks.endpoints(sql, NOW_MS))
    assert due == ["acme customer.example"]


def test_a_name_in_another_folder_or_of_another_account_is_left_alone(database: Database) -> None:
    sent, foreign = make_message(status=Status.SUBMITTED), make_message(account="globex")
    keep(database, sent, foreign)
    names = (sent.id, foreign.id, "nobody")
    done, unknown = database.write(lambda sql: do(sql, wish=wish(*names, folder=Folder.OUTBOX)))
    assert (done, unknown) == (set(), [foreign.id, "nobody"])
    assert database.read(lambda sql: folders.records(sql, [sent.id]))[0].deleted_at is None


def test_an_arrival_that_was_fetched_has_reached_its_customer(database: Database) -> None:
    many = [
        make_message(direction=Direction.IN, status=status)
        for status in (Status.READY, Status.INCOMPLETE, Status.UNFORWARDED, Status.FETCHING)
    ]
    keep(database, *many)
    names = [one.id for one in many]
    database.write(lambda sql: do(sql, wish=wish(*names, handling=Handling.MARK)))
    assert [status_of(database, one) for one in names] == [*[Status.FORWARDED] * 3, Status.FETCHING]


# With Redis.


@asynccontextmanager
async def desk_of(runtime: Runtime) -> AsyncIterator[tuple[Handle, Folders]]:
    """Open what an ingress would."""
    settings = runtime.settings
    client, executor = open_async(settings.redis_url, settings), ThreadPoolExecutor(2)
    sql, clock = AsyncSql(runtime.database, executor), Clock(client)
    handle = Handle(settings, sql=sql, unrecorded=Unrecorded(client), clock=clock)
    yield handle, Folders(settings, sql=sql, clock=clock)
    await client.aclose()
    executor.shutdown()


def ask(*names: str, **changes: Any) -> HandleMessages:
    return HandleMessages(ids=names, **{"handling": Handling.DELETE, **changes})


async def test_what_only_redis_holds_is_called_back(runtime: Runtime, carrier: Carrier) -> None:
    message = outbound()
    await asyncio.to_thread(admit, runtime.settings, (message,))
    async with desk_of(runtime) as (handle, _):
        said = await handle.handle(ask(message.id.upper()), ACCOUNT, runtime.directory.look())
    assert said.ids == (message.id.upper(),)
    await asyncio.to_thread(submit.take, runtime, Queue.SUBMIT)
    assert carrier.asked("messages") == 0
    record = runtime.database.read(lambda sql: reading.record(sql, message.id, account="acme"))
    assert record is not None
    assert record.message.status is Status.CANCELLED
    assert [event.type for event in record.events] == [Event.ADMIT, Event.CANCEL]
    assert runtime.ready.messages([message.id]) == {}, "the worker dropped its content"


async def test_while_redis_is_away_nothing_is_said_to_be_unknown_that_it_may_hold(
    open_runtime: Callable[..., Runtime], own_redis: Callable[..., RedisServer]
) -> None:
    redis = own_redis()
    runtime = open_runtime(redis_url=redis.url)
    known, poll = runtime.directory.look(), ListMessages(folder=Folder.INBOX, limit=5)
    one, two = (make_message(direction=Direction.IN, status=Status.READY) for _ in range(2))
    keep(runtime.database, one, two)
    async with desk_of(runtime) as (handle, listing):
        assert (await handle.handle(ask("nobody"), ACCOUNT, known)).ids == ()
        redis.kill()
        with pytest.raises(Busy):
            await handle.handle(ask("nobody"), ACCOUNT, known)
        # What SQL holds is there all the same.
        assert (await handle.handle(ask(one.id), ACCOUNT, known)).ids == (one.id,)
    async with desk_of(runtime) as (_, listing):
        with pytest.raises(Busy):
            await listing.listed(poll, ACCOUNT)


async def test_what_a_customer_did_not_get_is_given_again_at_once(runtime: Runtime) -> None:
    known = runtime.directory.look()
    arrival = make_message(direction=Direction.IN, status=Status.READY)
    keep(runtime.database, arrival)
    poll = ListMessages(folder=Folder.INBOX, limit=5, unmarked=True, then=Handling.DELETE)
    async with desk_of(runtime) as (_, listing):
        end = partial(listing.fetched, [arrival.id], Handling.DELETE, ACCOUNT, known)
        given = [one.message.id for one in await listing.listed(poll, ACCOUNT)]
        assert given == [arrival.id]
        assert await listing.listed(poll, ACCOUNT) == [], "somebody is being given it"
        await end(has_it=False)
        assert len(await listing.listed(poll, ACCOUNT)) == 1
        await end(has_it=True)
        assert await listing.listed(poll, ACCOUNT) == []
    assert status_of(runtime.database, arrival.id) is Status.FORWARDED
    assert HELD_MS > WRITTEN_S * 1000, "longer than an answer may take to be written"
