"""What needs a person: what is stuck, stopped or set aside."""

import asyncio
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import quote

from broker.domain.dead import Kind
from broker.domain.shift import Member, Shift
from broker.errors import AdmissionError, Busy
from broker.keyspace.backlog import Backlog
from broker.keyspace.census import Census
from broker.services.carrying import Carrying, Link, State
from broker.services.sql import AsyncSql
from broker.services.workers import Workers
from broker.settings import Settings
from broker.storage import dead
from broker.storage.database import Sql

LATE_S = 60.0
FRESH_S = 5.0
"""How long what needed a person is told to everybody who opens a page."""

MOST_PARKED = 100
"""So much of carriers' news may fit nothing yet: some is always earlier than what it is about."""

_QUEUES = "/console/queues"
_UNTOLD = {
    "kept": ("given up", "CallbacksGivenUp"),
    "held": ("held, since their addresses said 410", "CallbacksGivenUp"),
    "circuits_open": ("to endpoints that do not answer; endpoints", "CallbacksFail"),
}
_OF_STATE: Mapping[State, str] = {State.HELD: "ConnectionHeld", State.OPEN: "CircuitOpen"}
"""What a person stopped has no page: the reason says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """Something that a person should look at: how bad it is, what it is, how many of it, and where to look.

    `since` is when it began, as far as that is known; `runbook` names the page in `docs/runbooks` that is about it.
    """

    tone: str
    text: str
    link: str
    number: int = 1
    since: datetime | None = None
    runbook: str = ""


class Attention:
    """Looks at Redis and at what is set aside, and counts no messages: every page asks."""

    def __init__(
        self, sql: AsyncSql, backlog: Backlog, carrying: Carrying, workers: Workers, settings: Settings
    ) -> None:
        self._sql = sql
        self._backlog = backlog
        self._carrying = carrying
        self._workers = workers
        self._watermark = settings.redis_memory_watermark
        self._seen: Sequence[Trouble] = ()
        self._seen_at = float("-inf")
        self._away: AdmissionError | None = None
        self._turn = asyncio.Lock()

    async def look(self) -> Sequence[Trouble]:
        """Return what needs a person, of the last seconds; raises Busy while SQL or Redis is away.

        That they are is remembered as long: to find it out may take seconds, and every page asks.
        """
        async with self._turn:
            if time.monotonic() - self._seen_at > FRESH_S:
                self._away = None
                try:
                    await self._look()
                except AdmissionError as error:
                    self._away = error
                self._seen_at = time.monotonic()
            if self._away is not None:
                raise Busy(str(self._away)) from self._away
            return self._seen

    async def _look(self) -> None:
        links, census = await self._carrying.all(), await self._backlog.census()
        members = await self._workers.all()

        def aside(sql: Sql) -> tuple[Mapping[Kind, int], Mapping[Kind, datetime]]:
            return dead.counts(sql), dead.since(sql)

        letters, since = await self._sql.read(aside)
        self._seen = [*stuck(census, links, members, self._watermark), *left(letters, since, census)]


def stuck(
    census: Census, links: Sequence[Link], members: Sequence[Member], watermark: float
) -> Iterator[Trouble]:
    """Yield what does not flow, the worst first."""
    if difference := census.figures.get("ledger_difference", 0):
        text = f"The ledger differs by {difference}: accepted messages are nowhere, or were not counted"
        yield Trouble(
            tone="bad", text=text, link="/console/messages", number=difference, runbook="LedgerDiffers"
        )
    if census.memory_share > watermark:
        text = f"Redis is {census.memory_share:.0%} full: sends are refused"
        yield Trouble(tone="bad", text=text, link=_QUEUES, runbook="RedisMemoryHigh")
    for queue, age in census.oldest_s.items():
        if age > LATE_S:
            text = f"Queue {queue}: the first in line has waited for {age:.0f} s"
            since = datetime.fromtimestamp(round(census.at - age), tz=UTC)
            yield Trouble(tone="bad", text=text, link=_QUEUES, since=since, runbook="BacklogOld")
    yield from map(_unready, (link for link in links if link.state is not State.READY))
    yield from map(_idle, (one for one in members if _is_idle(one, members)))


def left(letters: Mapping[Kind, int], since: Mapping[Kind, datetime], census: Census) -> Iterator[Trouble]:
    """Yield what was set aside or given up."""
    for kind, number in letters.items():
        if number:
            yield Trouble(
                tone="bad",
                text=f"{number} dead {'letter' if number == 1 else 'letters'} ({kind})",
                link="/console/dead-letters",
                number=number,
                since=since.get(kind),
                runbook="DeadLetters",
            )
    parked = census.figures.get("parked", 0)
    if parked > MOST_PARKED:
        yield Trouble(
            tone="odd",
            text=f"Carriers' news that fits no message: {parked}",
            link="/console/webhooks",
            number=parked,
            runbook="NewsParked",
        )
    yield from _untold(census)


def _is_idle(member: Member, members: Sequence[Member]) -> bool:
    """Say whether a worker should work and does not; one that fell silent may have been started anew."""
    if member.shift is not Shift.SILENT:
        return member.shift not in {Shift.WORKING, Shift.RESUMING}
    return not any(
        one.began > member.began and (one.host, one.queues) == (member.host, member.queues) for one in members
    )


def _idle(member: Member) -> Trouble:
    if member.shift is Shift.SILENT:
        text = f"Worker {member.name}: silent for {member.silent_s:.0f} s"
        return Trouble(tone="bad", text=text, link=_QUEUES, runbook="WorkerSilent")
    text = f"Worker {member.name}: {member.shift}{f' ({member.reason})' if member.reason else ''}"
    return Trouble(tone="odd", text=text, link=_QUEUES, since=member.since)


def _unready(link: Link) -> Trouble:
    until = f" until {link.until:%Y-%m-%d %H:%M} UTC" if link.until else ""
    return Trouble(
        tone="odd" if link.state is State.PAUSED else "bad",
        text=f"{link.name}: {link.state}{until}{f' ({link.reason})' if link.reason else ''}",
        link=f"/console/connections/{quote(link.name, safe='')}",
        since=link.since,
        runbook=_OF_STATE.get(link.state, ""),
    )


def _untold(census: Census) -> Iterator[Trouble]:
    for name, (words, runbook) in _UNTOLD.items():
        if number := census.figures.get(name, 0):
            text = f"Callbacks {words}: {number}"
            yield Trouble(tone="odd", text=text, link="/console/callbacks", number=number, runbook=runbook)
