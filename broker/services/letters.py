"""Show operators dead letters, and note what they want done about them."""

from dataclasses import dataclass
from datetime import datetime
from functools import partial

from broker.domain.dead import Group, Job, Letter, Letters, Outlook, Standing
from broker.domain.deed import kept
from broker.domain.ids import new_id
from broker.errors import NotFound
from broker.keyspace.clock import Clock
from broker.services.outcome import at
from broker.services.rehearsal import Rehearsal
from broker.services.sql import AsyncSql
from broker.storage import dead, dead_groups, dead_jobs


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """How many letters are to leave, and when the last of them does; `job` names them, if there are any."""

    count: int
    until: datetime
    job: str | None


class DeadLetters:
    """What operators see of dead letters, and may want: to have them put back so many a second, or discarded."""

    def __init__(self, sql: AsyncSql, clock: Clock, rehearsal: Rehearsal) -> None:
        self._sql = sql
        self._clock = clock
        self._rehearsal = rehearsal

    async def page(self, which: Letters, *, after: str | None, limit: int) -> tuple[list[Letter], str | None]:
        """Return dead letters, and where the next page begins.

        Raises:
            Busy: SQL is away.
        """
        return await self._sql.read(partial(dead.page, which=which, after=after, limit=limit))

    async def groups(self, *, most: int) -> list[Group]:
        """Return what broke parked letters, the most frequent first; raises as `page` does."""
        return await self._sql.read(partial(dead_groups.groups, most=most))

    async def outlook(self, which: Letters) -> Outlook:
        """Return what would come of letters if they were put back; raises as `page` does."""
        return await self._rehearsal.of(which)

    async def running(self) -> list[Job]:
        """Return what was wanted and is not done yet; raises as `page` does."""
        return await self._sql.read(dead_jobs.running)

    async def job(self, name: str) -> Job:
        """Return how far a job has come.

        Raises:
            NotFound: there is no such job, or others mean all its letters by now.
            Busy: SQL is away.
        """
        found = await self._sql.read(partial(dead_jobs.find, job=name))
        if found is None:
            raise NotFound("there is no such job")
        return found

    async def stop(self, name: str) -> tuple[int, Job]:
        """Keep those of a job's letters here that have not left yet; return how many, and the job; raises as `job`."""
        await self.job(name)
        stopped = await self._sql.write(partial(dead_jobs.stop, job=name))
        return stopped, await self.job(name)

    async def stay(self) -> int:
        """Keep all letters here that have not left yet, and return how many; raises as `page` does."""
        return await self._sql.write(dead_jobs.stop)

    async def settle(self, which: Letters, *, wanted: Standing, rate: float, by: str, reason: str) -> Settled:
        """Have parked letters put back or discarded, at most `rate` of them a second.

        Numbers in the reason are masked: all who look see it.

        Raises:
            Busy: SQL or Redis is away.
        """
        now_ms, name = await self._clock.now_ms(), new_id()
        apart_ms = 1000 / rate
        job = partial(
            dead.settle,
            which=which,
            wanted=wanted,
            now_ms=now_ms,
            apart_ms=apart_ms,
            at=at(now_ms),
            by=by,
            reason=kept(reason),
            job=name,
        )
        count = await self._sql.write(job)
        until = at(now_ms + round(max(count - 1, 0) * apart_ms))
        return Settled(count=count, until=until, job=name if count else None)
