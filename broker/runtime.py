"""The open handles a worker needs, opened together and closed together."""

import asyncio
import threading
from collections import Counter, defaultdict
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass, field
from typing import Any, Self, TypeVar

import uvloop

from broker.dialects import DIALECTS
from broker.dialects.base import Dialect
from broker.directory import Directory
from broker.hands import Hands
from broker.keyspace.books import Books
from broker.keyspace.breakers import Breakers
from broker.keyspace.circuits import Circuits
from broker.keyspace.client import open_async, open_sync
from broker.keyspace.credits import Credits
from broker.keyspace.figures import Figures
from broker.keyspace.lanes import Lanes
from broker.keyspace.ready import Ready
from broker.keyspace.restoring import Restoring
from broker.keyspace.schedule import Schedule
from broker.keyspace.slots import Slots
from broker.keyspace.suspects import Suspects
from broker.keyspace.tokens import Tokens
from broker.metrics.measures import WORKER
from broker.metrics.meter import Meter
from broker.net.client import Client
from broker.net.guard import Guard
from broker.net.opening import open_client
from broker.net.plain import AiohttpClient
from broker.settings import Settings
from broker.storage.database import Database
from broker.storage.vault import Vault
from broker.tracing import Tracing

T = TypeVar("T")


class Loop:
    """The process's one event loop, on a thread of its own."""

    def __init__(self) -> None:
        self._loop = uvloop.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="network", daemon=True)
        self._thread.start()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine on the loop and wait for what it returns."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    def close(self) -> None:
        """Stop the loop."""
        self.run(self._loop.shutdown_default_executor())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


class Berths:
    """Bounds what is in flight at each endpoint. For threads."""

    def __init__(self, each: int) -> None:
        self._each = each
        self._taken: Counter[str] = Counter()
        self._lock = threading.Lock()

    def free(self, endpoint: str) -> int:
        """Return how many may be taken."""
        return self._each - self._taken[endpoint]

    def take(self, endpoint: str, most: int, *, each: int | None = None) -> int:
        """Take up to `most`, of `each` there are where that is less than usual; return how many were free."""
        with self._lock:
            closed = 0 if each is None else max(0, self._each - each)
            share = max(0, min(most, self.free(endpoint) - closed))
            self._taken[endpoint] += share
            return share

    def give_back(self, endpoint: str, count: int) -> None:
        """Free some of those that were taken."""
        with self._lock:
            self._taken[endpoint] -= count
            if not self._taken[endpoint]:
                del self._taken[endpoint]


@dataclass(frozen=True, slots=True, kw_only=True)
class Runtime:
    """What one worker process has open.

    `carrier` is the fast client of the submit path, `plain` fetches from carriers whose addresses are trusted as
    configured, `guarded` goes where customers' URLs lead and nowhere inside. `windows` bounds what is in flight at
    each connection; `lanes`, `restoring` and `slots` are for how fast it goes. `renewals` are the fetches of
    access tokens under way, `errands` is what nobody waits for any more, `afloat` counts submissions that
    outlasted their takes by connection; they are touched on the loop only. `circuits` and `berths` say which
    customers' endpoints may be told how much, `hands` how much is done for crowds, `breakers` over which connections
    messages may go, `credits` tells the counters of prepaid accounts, `figures` everybody's metrics, `meter` this
    process's own. `dialects` are as the operator wants them. `suspects` remembers what broke its takes, `vault` seals
    what is kept of it. `books` is what the door counted.
    """

    settings: Settings
    database: Database
    directory: Directory
    ready: Ready
    schedule: Schedule
    lanes: Lanes
    restoring: Restoring
    slots: Slots
    suspects: Suspects
    books: Books
    vault: Vault
    tokens: Tokens
    loop: Loop
    carrier: Client
    plain: AiohttpClient
    guarded: AiohttpClient
    windows: defaultdict[str, asyncio.Semaphore]
    circuits: Circuits
    breakers: Breakers
    credits: Credits
    figures: Figures
    meter: Meter
    berths: Berths
    hands: Hands
    dialects: Mapping[str, Dialect]
    renewals: dict[str, asyncio.Task[str]] = field(default_factory=dict)
    errands: set[asyncio.Task[None]] = field(default_factory=set)
    afloat: Counter[str] = field(default_factory=Counter)
    tracing: Tracing | None = None

    @classmethod
    def open(cls, settings: Settings) -> Self:
        """Open every handle; in a worker, after the fork."""
        loop, meter = Loop(), Meter("worker", WORKER)
        client = open_sync(settings.redis_url, settings, meter=meter)

        carrier, plain, guarded, tokens, slots = loop.run(_clients(settings))
        vault = Vault(settings.secret_key.get_secret_value())
        database = Database(settings.database, meter=meter)
        return cls(
            settings=settings,
            database=database,
            directory=Directory(database, vault),
            ready=Ready(client, rings=settings.worker_threads, put_back_s=settings.put_back_s),
            schedule=Schedule(client, rings=settings.worker_threads),
            lanes=Lanes(client),
            restoring=Restoring(client),
            slots=slots,
            suspects=Suspects(client),
            books=Books(client),
            vault=vault,
            tokens=tokens,
            loop=loop,
            carrier=carrier,
            plain=plain,
            guarded=guarded,
            windows=defaultdict(lambda: asyncio.Semaphore(settings.window)),
            circuits=Circuits(client, probe_s=settings.callback_timeout_s * 2),
            breakers=Breakers(client),
            credits=Credits(client),
            figures=Figures(client),
            meter=meter,
            berths=Berths(settings.callback_window),
            hands=Hands(settings.worker_threads),
            dialects={name: dialect.configured(settings) for name, dialect in DIALECTS.items()},
            tracing=Tracing.open(settings, process="worker"),
        )

    def close(self) -> None:
        """Finish what is written, and close every handle."""

        longest_s = max(self.settings.callback_timeout_s, self.settings.submit_timeout_s)

        async def finish() -> None:
            if self.errands:
                await asyncio.wait(self.errands, timeout=longest_s + 1)

        async def clients() -> None:
            await asyncio.gather(
                self.carrier.close(),
                self.plain.close(),
                self.guarded.close(),
                self.tokens.close(),
                self.slots.close(),
            )

        self.loop.run(finish())
        self.database.close()
        self.loop.run(clients())
        self.loop.close()
        self.ready.close()
        if self.tracing is not None:
            self.tracing.close()


async def _clients(settings: Settings) -> tuple[Client, AiohttpClient, AiohttpClient, Tokens, Slots]:
    return (
        open_client(settings.submit_client),
        AiohttpClient(),
        AiohttpClient(guard=Guard(settings.egress_allow)),
        Tokens(open_async(settings.redis_url, settings)),
        Slots(open_async(settings.redis_url, settings)),
    )
