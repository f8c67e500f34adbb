"""One fault run: load, faults in their order, and the books closed."""

import asyncio
import contextlib
import os
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from broker.cli.chaos.books import Books, Record
from broker.cli.chaos.carried import Carried
from broker.cli.chaos.counts import Counts
from broker.cli.chaos.customers import Customers
from broker.cli.chaos.fault import Fault
from broker.cli.chaos.faults import kinds
from broker.cli.chaos.flow import Flow, Recovery
from broker.cli.chaos.ground import Ground, Options
from broker.cli.chaos.plan import plan
from broker.cli.chaos.roster import OPERATOR
from broker.cli.chaos.status_api import StatusApi
from broker.cli.chaos.uploads import picture
from broker.cli.chaos.verdict import Judge
from broker.domain.status import ENDS, Status
from broker.errors import ConfigurationError

_REST_S = 2.0
"""Least time of flow between two faults."""
_HEADROOM = 1.1
"""How much more is offered than is wanted: some of it is refused."""
_SETTLE_S = 240.0
_COUNTED_WITHIN_S = 60.0

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Blow:
    """One fault as it was dealt; times are Unix seconds, `load` is the machine's when flow was back."""

    name: str
    began: float
    ended: float
    recovery: Recovery
    tells: bool
    load: float


@dataclass(slots=True, kw_only=True)
class Outcome:
    """What a run left behind."""

    options: Options
    blows: list[Blow] = field(default_factory=list)
    books: Books | None = None
    tries: Mapping[str, int] = field(default_factory=dict)
    began: float = 0.0
    wall_s: float = 0.0
    rate: float = 0.0
    without_clocks: bool = False
    missed: Sequence[str] = ()
    difference: int = 0
    miscounted: Sequence[str] = ()


async def run(folder: Path, options: Options, say: Say) -> Outcome:
    """Run it all on an empty folder.

    Raises:
        NotReady: the stack did not come up.
        ConfigurationError: there is no such fault, or a server that is wanted is not installed.
    """
    ground = Ground(folder, options)
    keeper: asyncio.Task[None] | None = None
    try:
        await ground.start()
        keeper = asyncio.create_task(ground.keep())
        return await _Run(ground, options, say).whole()
    finally:
        if keeper is not None:
            keeper.cancel()
        await ground.end()


class _Run:
    """The pieces of one run."""

    def __init__(self, ground: Ground, options: Options, say: Say) -> None:
        self._ground = ground
        self._options = options
        self._say = say
        known = kinds(options.database, clocks=ground.has_clocks)
        unknown = set(options.only) - known.keys()
        if unknown:
            raise ConfigurationError(f"there is no fault called {', '.join(sorted(unknown))}")
        self._kinds = {name: known[name] for name in options.only or known}
        self._outcome = Outcome(options=options, without_clocks=not ground.has_clocks)
        self._outcome.rate = options.messages * _HEADROOM / (options.minutes * 60)
        self._carried = Carried(ground.journal)
        self._api = StatusApi(ground.client, ground.ingress)

    async def whole(self) -> Outcome:
        """Send, hurt, settle, read."""
        began = time.time()
        self._outcome.began = began
        self._customers = Customers(
            run=f"c{self._options.seed}",
            ingresses=self._ground.ingresses,
            journal=self._ground.path / "clients.jsonl",
            seed=self._options.seed,
            media=await picture(self._ground),
        )
        async with self._load():
            await self._hurt()
            await self._ground.until(self._is_enough, within_s=600)
        records = await self._settled()
        self._outcome.miscounted = await self._counted()
        self._carried.read()
        self._outcome.books = Books(
            entries=self._customers.entries,
            creates=self._carried.creates,
            told=self._ground.sink.told,
            records=await self._api.read(records),
            samples=self._api.samples,
        )
        self._outcome.tries = self._customers.tries
        self._outcome.missed = self._ground.missed
        self._outcome.wall_s = time.time() - began
        return self._outcome

    def _is_enough(self) -> bool:
        return self._customers.taken >= self._options.messages

    @contextlib.asynccontextmanager
    async def _load(self) -> AsyncIterator[None]:
        stop = asyncio.Event()
        sending = asyncio.create_task(self._customers.send(rate=self._outcome.rate, stop=stop))
        pollers = [
            asyncio.create_task(self._api.sample(self._customers, seed=self._options.seed)),
            asyncio.create_task(self._api.sample_pages()),
        ]
        try:
            yield
        finally:
            stop.set()
            await sending
            await self._customers.finish()
            for poller in pollers:
                poller.cancel()
            await asyncio.gather(*pollers, return_exceptions=True)

    async def _hurt(self) -> None:
        names = plan(tuple(self._kinds), seed=self._options.seed, count=self._options.faults)
        slot_s = self._options.minutes * 60 / max(1, len(names))
        flow = Flow(self._customers, self._carried, self._ground.sink)
        await flow.recovered(tells=True)
        for number, name in enumerate(names, start=1):
            due = time.monotonic() + slot_s
            blow = await self._deal(name, self._kinds[name], flow)
            self._outcome.blows.append(blow)
            self._say(f"{number:3}/{len(names)} {_told(blow)}; {self._customers.taken} accepted")
            await self._ground.until(self._ground.whole)
            await asyncio.sleep(max(_REST_S, due - time.monotonic()))

    async def _deal(self, name: str, fault: Fault, flow: Flow) -> Blow:
        began = time.time()
        async with fault.hurt(self._ground):
            await asyncio.sleep(fault.hold_s)
        ended = time.time()
        recovery = await flow.recovered(tells=fault.tells)
        return Blow(
            name=name, began=began, ended=ended, recovery=recovery, tells=fault.tells, load=os.getloadavg()[0]
        )

    async def _settled(self) -> list[Record]:
        """Wait until every message has ended and been told of, and return them; or what there is when time is up."""
        deadline = time.monotonic() + _SETTLE_S
        while True:
            records = await self._api.listed()
            open_ = sum(Status(record["status"]) not in ENDS for record in records)
            self._carried.read()
            untold = 0 if open_ else len(self._judge(records).breaches()["untold"])
            self._outcome.difference = await self._api.difference()
            if not (open_ or untold or self._outcome.difference) or time.monotonic() > deadline:
                return records
            self._say(
                f"waiting for {open_} open, {untold} untold, and {self._outcome.difference} in the ledger"
            )
            await asyncio.sleep(3)

    async def _counted(self) -> list[str]:
        """Return what console, metrics and counters say otherwise than SQL; some of it is counted now and then only."""
        counts = Counts(ingress=self._ground.ingress, operator=OPERATOR, database=self._ground.database_url)
        deadline = time.monotonic() + _COUNTED_WITHIN_S
        while True:
            found = await asyncio.to_thread(counts.differences)
            if not found or time.monotonic() > deadline:
                return found
            await asyncio.sleep(2)

    def _judge(self, records: list[Record]) -> Judge:
        books = Books(
            entries=self._customers.entries,
            creates=(),
            told=self._ground.sink.told,
            records=records,
            samples=(),
        )
        return Judge(books)


def _told(blow: Blow) -> str:
    sent = _seconds(blow.recovery.sent_s)
    told = f", told after {_seconds(blow.recovery.told_s)}" if blow.tells else ""
    return f"{blow.name:<32} {blow.ended - blow.began:5.1f} s; sent again after {sent}{told}"


def _seconds(value: float | None) -> str:
    return "never" if value is None else f"{value:.1f} s"
