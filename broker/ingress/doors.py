"""The open handles of an ingress process."""

import asyncio
from collections.abc import Coroutine
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Self

from broker.directory import Directory
from broker.errors import Busy
from broker.ingress.carriers import Carriers
from broker.ingress.journal import Journal
from broker.ingress.leaving import Leaving
from broker.ingress.letters import DeadLetterDesk
from broker.ingress.metrics import PASSWORDS, SPOOL_BYTES, Meter
from broker.ingress.operations import Operations
from broker.ingress.spool import Spool, replay_for_ever
from broker.keyspace import crowds
from broker.keyspace.admission import Admission
from broker.keyspace.arrivals import Arrivals
from broker.keyspace.breakers import Fuses
from broker.keyspace.client import Async, open_async
from broker.keyspace.clock import Clock
from broker.keyspace.counters import Counters
from broker.keyspace.guesses import Guesses
from broker.keyspace.lanes import Depths
from broker.keyspace.pressure import Pressure
from broker.keyspace.unrecorded import Unrecorded
from broker.log import get_logger
from broker.net.guard import Guard
from broker.net.plain import AiohttpClient
from broker.services.accept import Accept
from broker.services.audit import Audit
from broker.services.authenticate import Authenticator
from broker.services.connections import Connections
from broker.services.credit import Credit
from broker.services.delays import Delays
from broker.services.desk import Desk
from broker.services.folders import Folders
from broker.services.guessing import Guessing
from broker.services.handle import Handle
from broker.services.letters import DeadLetters
from broker.services.logbook import Logbook
from broker.services.lookup import Lookup
from broker.services.optout_book import OptOutBook
from broker.services.packages import Packages
from broker.services.passwords import Passwords
from broker.services.refusals import Refusals
from broker.services.rehearsal import Rehearsal
from broker.services.replay import Replay
from broker.services.rereading import Rereading
from broker.services.seeding import Seeding
from broker.services.signin import SignIn
from broker.services.sql import AsyncSql
from broker.services.standing import Standing, watch
from broker.services.stops import Stops
from broker.services.tallies import Tallies
from broker.services.till import Till
from broker.services.trial import Trial
from broker.services.uploads import Uploads
from broker.settings import Settings
from broker.storage.database import Database
from broker.storage.vault import Vault
from broker.tracing import Tracing

log = get_logger()

THREADS = 8
"""For SQL look-ups and files."""
HASHING_THREADS = 2
"""For passwords: each takes 64 MiB and tens of milliseconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Doors:
    """Everything that handlers work with. Open it on the running loop."""

    settings: Settings
    executor: ThreadPoolExecutor
    hashing: ThreadPoolExecutor
    client: Async
    database: Database
    admission: Admission
    arrivals: Arrivals
    spool: Spool
    pressure: Pressure
    carriers: Carriers
    authenticator: Authenticator
    uploads: Uploads
    accept: Accept
    trial: Trial
    lookup: Lookup
    desk: Desk
    operations: Operations
    connections: Connections
    letters: DeadLetterDesk
    journal: Journal
    refusals: Refusals
    sign_in: SignIn
    audit: Audit
    opt_outs: OptOutBook
    rereading: Rereading
    meter: Meter
    tracing: Tracing | None = None
    leaving: Leaving = field(default_factory=Leaving)
    tasks: list[asyncio.Task[None]] = field(default_factory=list)

    @classmethod
    async def open(cls, settings: Settings) -> Self:
        """Open every handle and start what watches. Redis and SQL may be away."""
        (executor, hashing), meter = _threads(), Meter()
        client, database = open_async(settings.redis_url, settings), Database(settings.database, meter=meter)
        directory = Directory(database, Vault(settings.secret_key.get_secret_value()))
        carriers, admission = Carriers(directory, executor), Admission(settings.redis_url, settings)
        pressure = Pressure(client, settings)
        uploads, packages = _content(settings, database, executor)
        sql, passwords = AsyncSql(database, executor), _passwords(settings, client, meter, hashing)
        accept = _accept(settings, admission, pressure, carriers, client, sql, uploads, packages)
        return await cls(
            settings=settings,
            executor=executor,
            hashing=hashing,
            client=client,
            database=database,
            admission=admission,
            arrivals=Arrivals(settings.redis_url, settings),
            spool=Spool(settings.spool, executor),
            pressure=pressure,
            carriers=carriers,
            authenticator=(known := _authenticator(settings, database, executor, passwords)),
            uploads=uploads,
            accept=accept,
            trial=Trial(accept, known, counted=lambda n, again: meter.accepted("sms", n, replayed=again)),
            lookup=Lookup(database, Unrecorded(client), executor),
            desk=_desk(settings, client, database, executor, directory, Audit(sql)),
            sign_in=(sign_in := SignIn(sql, passwords)),
            audit=(audit := Audit(sql)),
            operations=_operations(settings, sql, sign_in, audit, carriers, client),
            connections=Connections(sql, Clock(client), Depths(client), Fuses(client)),
            letters=DeadLetterDesk(sign_in, audit, _letters(settings, sql, client, carriers)),
            opt_outs=OptOutBook(settings, sql),
            rereading=(rereading := Rereading(settings, sql, Clock(client), directory)),
            journal=Journal(sign_in, audit, rereading),
            refusals=Refusals(sql),
            meter=meter,
            tracing=Tracing.open(settings, process="ingress"),
        )._begin()

    async def require_durability(self) -> None:
        """Return if Redis gives the durability level, or is away: then each connection to it is checked.

        Raises:
            ConfigurationError: it does not.
        """
        try:
            await self.admission.open()
        except Busy as error:
            log.warning("redis_away", reason=str(error))

    async def _begin(self) -> Self:
        await self.carriers.look()
        standing = Standing(self.meter, held=self.carriers.held, sql=self.carriers.is_fresh)
        self.meter.show(SPOOL_BYTES, lambda: {(): self.spool.size()})
        for work in (
            watch(standing, self.client, self.carriers.providers),
            self.carriers.watch(),
            self.pressure.watch(),
            replay_for_ever(self.spool, self.arrivals),
            self.refusals.watch(),
            self.accept.watch(),
        ):
            self._start(work)
        return self

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        self.tasks.append(asyncio.get_running_loop().create_task(work))

    async def close(self) -> None:
        """Finish what waits, and close every handle."""
        # A cancellation that arrives while redis connects can be lost: ask until it is heard.
        while waiting := [task for task in self.tasks if not task.done()]:
            for task in waiting:
                task.cancel()
            await asyncio.wait(waiting, timeout=0.1)
        await asyncio.gather(
            self.admission.close(),
            self.arrivals.close(),
            self.spool.close(),
            self.accept.close(),
            self.refusals.flush(),
        )
        await self.client.aclose()
        for threads in (self.executor, self.hashing):
            threads.shutdown(wait=False, cancel_futures=True)
        self.database.close()
        if self.tracing is not None:
            await asyncio.to_thread(self.tracing.close)


def _accept(
    settings: Settings,
    admission: Admission,
    pressure: Pressure,
    carriers: Carriers,
    client: Async,
    sql: AsyncSql,
    uploads: Uploads,
    packages: Packages,
) -> Accept:
    return Accept(
        admission=admission,
        pressure=pressure,
        uploads=uploads,
        packages=packages,
        seeding=Seeding(Counters(client), sql.database, sql.executor),
        connections=carriers.names,
        carries=carriers.carries,
        executor=sql.executor,
        durability=settings.durability,
        stops=Stops(sql, remembers=Unrecorded(client).remembers),
        delays=Delays(
            partial(crowds.look, client),
            paced=carriers.paced,
            chosen=carriers.chosen,
            remembers=Unrecorded(client).remembers,
        ),
    )


def _letters(settings: Settings, sql: AsyncSql, client: Async, carriers: Carriers) -> DeadLetters:
    return DeadLetters(sql, Clock(client), Rehearsal(settings, sql, known=carriers.known))


def _desk(
    settings: Settings,
    client: Async,
    database: Database,
    executor: ThreadPoolExecutor,
    directory: Directory,
    audit: Audit,
) -> Desk:
    sql, clock, unrecorded = AsyncSql(database, executor), Clock(client), Unrecorded(client)
    return Desk(
        settings,
        lookup=Lookup(database, unrecorded, executor),
        folders=Folders(settings, sql=sql, clock=clock),
        handle=Handle(settings, sql=sql, unrecorded=unrecorded, clock=clock),
        till=Till(Credit(Counters(client), database, executor), audit),
        directory=directory,
        executor=executor,
    )


def _authenticator(
    settings: Settings, database: Database, executor: Executor, passwords: Passwords
) -> Authenticator:
    secret_key = settings.secret_key.get_secret_value()
    return Authenticator(database, secret_key=secret_key, executor=executor, passwords=passwords)


def _passwords(settings: Settings, client: Async, meter: Meter, hashing: Executor) -> Passwords:
    def told(result: str) -> None:
        meter.count(PASSWORDS, result)

    secret_key = settings.secret_key.get_secret_value()
    return Passwords(Guessing(Guesses(client), secret_key=secret_key, told=told), hashing)


def _operations(
    settings: Settings,
    sql: AsyncSql,
    sign_in: SignIn,
    audit: Audit,
    carriers: Carriers,
    client: Async,
) -> Operations:
    return Operations(
        sign_in,
        audit,
        Logbook(sql, known=carriers.providers, keep_s=settings.log_keep_s),
        Tallies(sql, known=carriers.providers),
        Replay(sql, Clock(client)),
    )


def _threads() -> tuple[ThreadPoolExecutor, ThreadPoolExecutor]:
    return (
        ThreadPoolExecutor(THREADS, thread_name_prefix="ingress"),
        ThreadPoolExecutor(HASHING_THREADS, thread_name_prefix="hashing"),
    )


def _content(settings: Settings, database: Database, executor: Executor) -> tuple[Uploads, Packages]:
    guard = Guard(settings.egress_allow)
    return Uploads(settings, guard, database), Packages(settings, AiohttpClient(guard=guard), executor)
