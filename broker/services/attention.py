"""What needs a person: what is stuck, stopped or set aside."""

import asyncio
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import quote

from broker.domain.dead import Kind
from broker.errors import AdmissionError, Busy
from broker.keyspace.backlog import Backlog
from broker.keyspace.census import Census
from broker.services.carrying import Carrying, Link, State
from broker.services.sql import AsyncSql
from broker.settings import Settings
from broker.storage import dead

LATE_S = 60.0
FRESH_S = 5.0
"""How long what needed a person is told to everybody who opens a page."""

_QUEUES = "/console/queues"
_UNTOLD = {
    "kept": "given up",
    "held": "held, since their addresses said 410",
    "circuits_open": "to endpoints that do not answer; endpoints",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """Something that a person should look at: how bad it is, what it is, how many of it, and where to look."""

    tone: str
    text: str
    link: str
    number: int = 1


class Attention:
    """Looks at Redis and at what is set aside, and counts no messages: every page asks."""

    def __init__(self, sql: AsyncSql, backlog: Backlog, carrying: Carrying, settings: Settings) -> None:
        self._sql = sql
        self._backlog = backlog
        self._carrying = carrying
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
        letters = await self._sql.read(dead.counts)
        self._seen = [*stuck(census, links, self._watermark), *left(letters, census)]


def stuck(census: Census, links: Sequence[Link], watermark: float) -> Iterator[Trouble]:
    """Yield what does not flow, the worst first."""
    if census.memory_share > watermark:
        text = f"Redis is {census.memory_share:.0%} full: sends are refused"
        yield Trouble(tone="bad", text=text, link=_QUEUES)
    for queue, age in census.oldest_s.items():
        if age > LATE_S:
            text = f"Queue {queue}: the first in line has waited for {age:.0f} s"
            yield Trouble(tone="bad", text=text, link=_QUEUES)
    yield from map(_unready, (link for link in links if link.state is not State.READY))


def left(letters: Mapping[Kind, int], census: Census) -> Iterator[Trouble]:
    """Yield what was set aside or given up."""
    for kind, number in letters.items():
        if number:
            text = f"{number} dead {'letter' if number == 1 else 'letters'} ({kind})"
            yield Trouble(tone="bad", text=text, link="/console/dead-letters", number=number)
    yield from _untold(census)


def _unready(link: Link) -> Trouble:
    until = f" until {link.until:%Y-%m-%d %H:%M} UTC" if link.until else ""
    text = f"{link.name}: {link.state}{until}{f' ({link.reason})' if link.reason else ''}"
    tone = "odd" if link.state is State.PAUSED else "bad"
    return Trouble(tone=tone, text=text, link=f"/console/connections/{quote(link.name, safe='')}")


def _untold(census: Census) -> Iterator[Trouble]:
    for name, words in _UNTOLD.items():
        if number := census.figures.get(name, 0):
            yield Trouble(
                tone="odd", text=f"Callbacks {words}: {number}", link="/console/callbacks", number=number
            )
