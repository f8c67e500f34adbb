"""Show operators who works; have a worker take no new work, and let it take some again."""

from datetime import UTC, datetime

from broker.domain.deed import kept
from broker.domain.shift import SILENT_MS, Member, shift_of
from broker.errors import InvalidField, NotFound
from broker.keyspace.crew import Crew, Seen
from broker.keyspace.presence import Worker
from broker.keyspace.wishes import Wish


class Workers:
    """Raises Busy while Redis is away."""

    def __init__(self, crew: Crew) -> None:
        self._crew = crew

    async def all(self) -> list[Member]:
        """Return every worker by name, those too that fell silent within the last hour."""
        seen = await self._crew.look()
        return [_member(one, seen) for one in seen.workers]

    async def drain(self, name: str, *, reason: str) -> Member:
        """Have a worker take no new work, from some seconds on, until it is resumed or ends.

        It finishes what it has. Numbers in the reason are masked: all who look see it.

        Raises:
            NotFound: there is no such worker.
            InvalidField: it would not hear of it.
        """
        seen = await self._crew.look()
        worker = _one(name, seen)
        if seen.now_ms - worker.seen_ms > SILENT_MS:
            raise InvalidField("this worker has fallen silent: it would not hear of it")
        wish = Wish(started_ms=worker.started_ms, since_ms=seen.now_ms, reason=kept(reason))
        if name not in seen.wishes:
            await self._crew.wish(name, wish)
        return await self._now(name)

    async def resume(self, name: str) -> Member:
        """Let a worker take work again, from some seconds on; one that does takes it still.

        Raises:
            NotFound: there is no such worker.
        """
        _one(name, await self._crew.look())
        await self._crew.lift(name)
        return await self._now(name)

    async def _now(self, name: str) -> Member:
        seen = await self._crew.look()
        return _member(_one(name, seen), seen)


def _one(name: str, seen: Seen) -> Worker:
    for worker in seen.workers:
        if worker.name == name:
            return worker
    raise NotFound("there is no such worker")


def _member(worker: Worker, seen: Seen) -> Member:
    wish, silent_ms = seen.wishes.get(worker.name), seen.now_ms - worker.seen_ms
    return Member(
        name=worker.name,
        host=worker.host,
        pid=worker.pid,
        queues=worker.queues,
        threads=worker.threads,
        busy=worker.busy,
        done=worker.done,
        failed=worker.failed,
        memory=worker.memory,
        version=worker.version,
        taken=worker.taken,
        shift=shift_of(worker.shift, wished=wish is not None, silent_ms=silent_ms),
        silent_s=max(silent_ms, 0) / 1000,
        began=_at(worker.started_ms),
        up_s=max(seen.now_ms - worker.started_ms, 0) / 1000,
        reason="" if wish is None else wish.reason,
        since=None if wish is None else _at(wish.since_ms),
    )


def _at(ms: int) -> datetime:
    return datetime.fromtimestamp(ms / 1000, tz=UTC)
