"""Prepaid credit: at rest, Redis's counter says what the record says, whatever happened at the same time."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import func, select

from broker.dispatch import Queue
from broker.domain.account import Account
from broker.domain.message import Message
from broker.domain.status import Event
from broker.errors import Busy, InvalidField, NotFound, OutOfCredit
from broker.keyspace import keys
from broker.keyspace.admission import Admission, AdmissionRequest, Cold
from broker.keyspace.client import Async, Sync, open_async, open_sync
from broker.keyspace.counters import Counters
from broker.keyspace.credits import Credits
from broker.keyspace.ready import Ready
from broker.services.credit import Credit
from broker.services.seeding import Seeding
from broker.settings import Settings
from broker.storage import accounts, credit, messages, provision
from broker.storage import tables as t
from broker.storage.database import Database, Sql
from broker.storage.messages import Fresh, Move
from tests.integration.services.conftest import outbound

FIRST = 1000


@dataclass(frozen=True, kw_only=True)
class Ingress:
    """What one ingress process has open."""

    admission: Admission
    seeding: Seeding
    credit: Credit
    client: Async

    async def send(self, account: Account, count: int = 1) -> list[Message]:
        """Admit a request as the ingress does; nothing where the credit does not cover it."""
        sent = [outbound(prepaid=account.credit is not None) for _ in range(count)]
        request = AdmissionRequest(account=account, messages=tuple(sent), now=datetime.now(UTC))
        try:
            while isinstance(await self.admission.admit(request), Cold):
                await self.seeding.seed(account, request.now)
        except OutOfCredit:
            return []
        return sent

    async def left(self) -> int | None:
        """Return what the counter says."""
        known: dict[bytes, bytes] = await self.client.hgetall(keys.credit("acme"))  # type: ignore[misc]  # async client
        return int(known[b"left"]) if known else None


class Worker:
    """Takes, submits and forgets, as a worker does; it may die between record and drop."""

    def __init__(self, client: Sync, database: Database) -> None:
        self.ready = Ready(client, rings=8, put_back_s=5)
        self.credits = Credits(client)
        self.database = database

    def take(self, *, dies: bool = False, most: int = 7) -> list[str]:
        """Record and claim what waits; a worker that dies leaves Redis as it was."""
        ids = self.ready.pop(Queue.SUBMIT, most).ids
        admitted = self.ready.messages(ids)
        fresh = [Fresh(message=one, event=Event.CLAIM, due_at=1) for one in admitted.values()]
        added = self.database.write(lambda sql: messages.add(sql, fresh))
        if dies:
            self.ready.push(Queue.SUBMIT, ids)
        else:
            self.ready.drop(Queue.SUBMIT, ids, contents=[keys.content(name) for name in admitted])
        return sorted(added)

    def move(self, ids: list[str], event: Event, **changes: Any) -> None:
        """Let the same happen to messages."""
        now = datetime.now(UTC)
        moves = [Move(id=name, event=event, at=now, key=event, **changes) for name in ids]
        self.database.write(lambda sql: messages.move(sql, moves))

    def keep_up(self) -> None:
        """Let the counters learn what the record says, as the sweep does."""
        known = self.database.read(credit.standings)
        self.credits.keep_up({name: (one.version, one.adjusted) for name, one in known.items()})


@pytest.fixture
def worker(settings: Settings, database: Database) -> Iterator[Worker]:
    with open_sync(settings.redis_url, settings) as client:
        yield Worker(client, database)


@pytest.fixture
async def open_ingress(
    settings: Settings, database: Database
) -> AsyncIterator[Callable[[], Awaitable[Ingress]]]:
    document: dict[str, Any] = {"accounts": [{"name": "acme", "credit": FIRST}, {"name": "postpaid"}]}
    secret_key = settings.secret_key.get_secret_value()
    database.write(lambda sql: provision.apply(sql, document, secret_key=secret_key))
    opened: list[Ingress] = []
    threads = ThreadPoolExecutor(8)

    async def open_one() -> Ingress:
        client = open_async(settings.redis_url, settings)
        counters = Counters(client)
        one = Ingress(
            admission=Admission(settings.redis_url, settings),
            seeding=Seeding(counters, database, threads),
            credit=Credit(counters, database, threads),
            client=client,
        )
        opened.append(one)
        return one

    yield open_one
    for one in opened:
        await one.admission.close()
        await one.client.aclose()
    threads.shutdown()


@pytest.fixture
async def ingress(open_ingress: Callable[[], Awaitable[Ingress]]) -> Ingress:
    return await open_ingress()


def account_of(database: Database) -> Account:
    found = database.read(lambda sql: accounts.by_name(sql, "acme"))
    assert found is not None
    return found


def truth(database: Database) -> int:
    """Return what is left by first principles: all that was given, less the price of each message."""
    given = select(func.coalesce(func.sum(t.credit_changes.c.delta), 0))
    spent = select(func.coalesce(func.sum(t.messages.c.units), 0)).where(t.messages.c.prepaid)

    def job(sql: Sql) -> int:
        return int(sql.execute(given).scalar_one()) - int(sql.execute(spent).scalar_one())

    return database.read(job)


async def test_a_request_costs_one_for_each_recipient_at_once(ingress: Ingress, database: Database) -> None:
    acme = account_of(database)
    await ingress.send(acme, 3)
    await ingress.send(acme)
    assert await ingress.credit.balance("acme") == FIRST - 4
    assert truth(database) == FIRST


async def test_what_is_admitted_and_recorded_is_paid_once(
    ingress: Ingress, worker: Worker, database: Database
) -> None:
    acme = account_of(database)
    await ingress.send(acme, 3)
    worker.take(dies=True)
    await ingress.client.delete(keys.credit("acme"))  # counted anew while SQL and Redis both hold them
    assert await ingress.credit.balance("acme") == FIRST - 3
    assert worker.take() == []
    assert await ingress.credit.balance("acme") == truth(database) == FIRST - 3


@pytest.mark.parametrize(
    ("events", "price"),
    [
        ([Event.REFUSE], 0),
        ([Event.GIVE_UP], 0),
        ([Event.DEFER, Event.EXPIRE], 0),
        ([Event.DEFER, Event.CANCEL], 0),
        ([Event.REFUSE, Event.REFUSE], 0),
        ([Event.RECEIPT], 1),
        ([Event.RECEIPT, Event.MISS], 1),
        ([Event.RECEIPT, Event.EXPIRE], 1),
        ([Event.EXPIRE], 1),  # by the carrier, which had it
        ([Event.LOSE, Event.STOP], 1),  # nobody knows
        ([Event.LOSE, Event.RESEND, Event.EXPIRE], 1),
        ([Event.GIVE_UP, Event.DELIVER], 1),
        ([Event.GIVE_UP, Event.DELIVER, Event.OPEN, Event.DELIVER], 1),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, list) else None,
)
async def test_the_price_is_given_back_when_no_try_reached_the_carrier(
    ingress: Ingress, worker: Worker, database: Database, events: list[Event], price: int
) -> None:
    await ingress.send(account_of(database))
    ids = worker.take()
    for number, event in enumerate(events):
        worker.move(ids, event, possible_duplicate=event is Event.RESEND)
        if number == 0:
            worker.keep_up()
    worker.keep_up()
    worker.keep_up()
    assert await ingress.left() == FIRST - price
    assert await ingress.credit.balance("acme") == truth(database) == FIRST - price


async def test_what_ends_before_its_first_try_is_given_back(
    ingress: Ingress, worker: Worker, database: Database
) -> None:
    (sent,) = await ingress.send(account_of(database))
    for _ in range(2):  # a worker that died is followed by another
        database.write(lambda sql: messages.add(sql, [Fresh(message=sent, event=Event.REFUSE)]))
    assert await ingress.credit.balance("acme") == truth(database) == FIRST


async def test_a_give_back_that_redis_was_not_told_of_shows_at_the_next_question(
    ingress: Ingress, worker: Worker, database: Database
) -> None:
    await ingress.send(account_of(database))
    worker.move(worker.take(), Event.REFUSE)
    assert await ingress.left() == FIRST - 1
    assert await ingress.credit.balance("acme") == FIRST
    assert await ingress.left() == FIRST


async def test_setting_counts_what_is_admitted_as_paid(
    ingress: Ingress, worker: Worker, database: Database
) -> None:
    await ingress.send(account_of(database), 2)
    assert await ingress.credit.set_balance("acme", 50, who="ops", reason="invoice 7, (202) 555-0178") == 50
    assert database.read(lambda sql: credit.changes(sql, "acme"))[-1]["reason"] == "invoice 7, +2025***0178"
    worker.take()
    assert await ingress.credit.balance("acme") == truth(database) == 50


async def test_giving_and_taking_are_journalled(ingress: Ingress, database: Database) -> None:
    assert (
        await ingress.credit.add_balance("acme", 25, who="ops", reason="voucher of +1 202 555 0177")
        == FIRST + 25
    )
    assert await ingress.credit.add_balance("acme", -5, who="ops") == FIRST + 20
    journal = database.read(lambda sql: credit.changes(sql, "acme"))
    assert [(row["delta"], row["balance"], row["who"], row["reason"]) for row in journal] == [
        (FIRST, FIRST, "provisioning", "new account"),
        (25, FIRST + 25, "ops", "voucher of +1202***0177"),
        (-5, FIRST + 20, "ops", ""),
    ]


async def test_an_account_may_become_unlimited_and_limited_again(
    ingress: Ingress, worker: Worker, database: Database
) -> None:
    await ingress.send(account_of(database))
    assert await ingress.credit.set_balance("acme", None, who="ops") is None
    assert account_of(database).credit is None
    assert await ingress.credit.add_balance("acme", 5, who="ops") is None
    (free,) = await ingress.send(account_of(database))
    assert await ingress.credit.set_balance("acme", 10, who="ops") == 10
    worker.take()
    worker.move([free.id], Event.REFUSE)  # it was never paid for
    assert await ingress.credit.balance("acme") == truth(database) == 10


async def test_an_account_that_never_had_credit_is_unlimited_until_it_is_given_some(
    ingress: Ingress,
) -> None:
    assert await ingress.credit.balance("postpaid") is None
    assert await ingress.credit.set_balance("postpaid", 7, who="ops") == 7
    assert await ingress.credit.add_balance("postpaid", -9, who="ops") == -2


async def test_credit_is_refused_that_cannot_be_counted(ingress: Ingress) -> None:
    for change in (ingress.credit.set_balance, ingress.credit.add_balance):
        with pytest.raises(InvalidField):
            await change("acme", 10**15 + 1, who="ops")
        with pytest.raises(NotFound):
            await change("nobody", 1, who="ops")
    with pytest.raises(InvalidField):
        await ingress.credit.add_balance("acme", 10**15, who="ops")
    with pytest.raises(NotFound):
        await ingress.credit.balance("nobody")
    assert await ingress.credit.balance("acme") == FIRST


async def test_without_redis_nothing_is_said_or_changed(
    ingress: Ingress, settings: Settings, database: Database
) -> None:
    nowhere = open_async("redis://127.0.0.1:1", settings)
    counters = Counters(nowhere)
    with ThreadPoolExecutor(1) as threads:
        blind = Credit(counters, database, threads)
        with pytest.raises(Busy):
            await blind.balance("acme")
        with pytest.raises(Busy):
            await blind.set_balance("acme", 5, who="ops")
    await nowhere.aclose()
    assert await ingress.credit.balance("acme") == FIRST


class Chaos:
    """Everything that may happen to one account at once, by chance."""

    def __init__(self, doors: list[Ingress], worker: Worker, seed: int) -> None:
        self.doors = doors
        self.worker = worker
        self.dice = random.Random(seed)
        self.sent: list[str] = []

    async def forget(self) -> None:
        """Let Redis lose what it counted."""
        await asyncio.sleep(self.dice.uniform(0, 0.02))
        await self.doors[0].client.delete(keys.credit("acme"), keys.counting("acme"))

    async def work(self) -> None:
        """Take messages, at times die before Redis knows, and let them end in one way or another."""
        fates = [(Event.REFUSE,), (Event.GIVE_UP,), (Event.RECEIPT,), (Event.GIVE_UP, Event.DELIVER)]
        for name in await asyncio.to_thread(self.worker.take, dies=self.dice.random() < 0.3):
            for event in self.dice.choice(fates):
                await asyncio.to_thread(self.worker.move, [name], event)

    async def top_up(self) -> None:
        """Give or take credit, or set it anew."""
        door = self.dice.choice(self.doors)
        with suppress(Busy):  # Redis forgot three times while it was asked
            if self.dice.random() < 0.5:
                await door.credit.add_balance("acme", self.dice.randint(-20, 40), who="ops")
            else:
                await door.credit.set_balance("acme", self.dice.randint(20, 90), who="ops")
        await asyncio.to_thread(self.worker.keep_up)

    async def send(self, door: Ingress, account: Account) -> None:
        """Send requests one after the other."""
        for _ in range(12):
            self.sent.extend(one.id for one in await door.send(account, self.dice.randint(1, 3)))

    async def run(self, account: Account) -> None:
        """Do all that at once until everything is sent, and then record what is left."""
        over = asyncio.Event()

        async def repeat(job: Callable[[], Awaitable[None]]) -> None:
            while not over.is_set():
                await job()
                await asyncio.sleep(0.002)

        jobs = (self.forget, self.work, self.work, self.top_up)
        tasks = [asyncio.create_task(repeat(job)) for job in jobs]
        await asyncio.gather(*(self.send(door, account) for door in self.doors for _ in range(3)))
        over.set()
        await asyncio.gather(*tasks)
        while self.worker.ready.waiting(Queue.SUBMIT) or self.worker.ready.fresh(Queue.SUBMIT):
            self.worker.take()
        self.worker.keep_up()


@pytest.mark.parametrize("seed", [1, 2])
async def test_whatever_happens_at_once_nothing_is_charged_twice_or_never(
    open_ingress: Callable[[], Awaitable[Ingress]], worker: Worker, database: Database, seed: int
) -> None:
    chaos = Chaos([await open_ingress(), await open_ingress()], worker, seed)
    await chaos.run(account_of(database))
    recorded = select(func.count()).select_from(t.messages)
    assert database.read(lambda sql: sql.execute(recorded).scalar_one()) == len(chaos.sent) > 100
    expected = truth(database)
    first, second = chaos.doors
    assert await first.left() in {None, expected}
    assert account_of(database).credit == expected
    assert await second.credit.balance("acme") == expected
    await first.client.delete(keys.credit("acme"))
    assert await first.credit.balance("acme") == expected
