"""Queues: what waits where and for how long, how fast it goes, and what is next."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial

from aiohttp import web

from broker.console.gate import Gate, Route
from broker.console.pages import Pages
from broker.console.visit import ROOT, Visit
from broker.dispatch import Queue
from broker.domain.shift import Member, Shift
from broker.errors import NotFound
from broker.keyspace.backlog import Backlog, Look
from broker.keyspace.peek import MOST, Peek
from broker.services.connections import Connections
from broker.services.sql import AsyncSql
from broker.services.workers import Workers
from broker.storage import minutes
from broker.storage.minutes import MINUTE, Minute

LIST = f"{ROOT}queues"
SETTLED_S = 30.0
"""So long ago the minute is over that now is compared with: its last note was made some seconds before its end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Speed:
    """How many ids a second come in and go out, and in how many seconds nothing is left at that; None: not known.

    Of callbacks it is those that became owed, and those that were told, held or given up; of sweeps it is rounds.
    """

    came: float | None
    went: float
    eta_s: float | None


class Queues:
    """Shows every queue."""

    def __init__(
        self,
        pages: Pages,
        backlog: Backlog,
        peek: Peek,
        connections: Connections,
        *,
        sql: AsyncSql,
        workers: Workers,
    ) -> None:
        self._pages = pages
        self._backlog = backlog
        self._peek = peek
        self._connections = connections
        self._sql = sql
        self._workers = workers

    def routes(self, gate: Gate) -> list[Route]:
        """Return what leads here."""
        return [*gate.get(LIST, self.show), *gate.get(f"{LIST}/{{name}}", self.next)]

    async def show(self, visit: Visit) -> web.Response:
        """Answer `GET /console/queues`."""
        found, workers = await self._backlog.look(), await self._workers.all()
        since = datetime.now(UTC) - timedelta(minutes=3)
        known = await self._sql.read(partial(minutes.since, first=since))
        return await self._pages.show(
            visit,
            "queues.html",
            found=found,
            queues=list(Queue),
            workers=workers,
            unheard=_unheard(workers),
            speeds={queue: speed(queue, found, workers, known) for queue in Queue},
        )

    async def next(self, visit: Visit) -> web.Response:
        """Answer `GET /console/queues/{name}`: what is next, of the queue and of lanes of a connection."""
        name, connection = visit.pieces["name"], visit.query.get("connection", "")
        if name not in set(Queue):
            raise NotFound("there is no such queue")
        names = [one.name for one in await self._connections.all()]
        if connection and connection not in names:
            raise NotFound("there is no such connection")
        return await self._pages.show(
            visit,
            "queue.html",
            queue=name,
            places=await self._peek.queue(Queue(name)),
            connection=connection,
            connections=names,
            lanes=await self._peek.lanes(connection) if connection else {},
            most=MOST,
        )


def _unheard(workers: Sequence[Member]) -> list[Queue]:
    """Return the queues of which no worker takes anything, since those that would are drained or silent."""
    heard = {queue for one in workers if one.shift in (Shift.WORKING, Shift.RESUMING) for queue in one.queues}
    return [queue for queue in Queue if queue not in heard] if workers else []


def speed(queue: Queue, found: Look, workers: Sequence[Member], known: Sequence[Minute]) -> Speed:
    """Return how fast a queue goes: what workers took, and by how much more or less waits than some time ago."""
    went = sum(one.taken.get(queue, 0.0) for one in workers if one.shift is not Shift.SILENT)
    depth = found.census.waiting()[queue]
    eta_s = None if not went else depth / went
    return Speed(came=_came(queue, went, depth, known), went=went, eta_s=eta_s if depth else 0.0)


def _came(queue: Queue, went: float, depth: int, known: Sequence[Minute]) -> float | None:
    now = time.time()
    # A minute's last note was made near its end.
    over = [
        one for one in known if one.depth is not None and (one.at + MINUTE).timestamp() + SETTLED_S <= now
    ]
    if not over:
        return None
    before: Mapping[str, int] = over[-1].depth or {}
    ago_s = now - (over[-1].at + MINUTE).timestamp()
    return max(went + (depth - before.get(queue, 0)) / ago_s, 0.0)
