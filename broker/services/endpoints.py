"""Show operators where customers are told, how that goes, and the callbacks behind each number."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from broker.domain.callback import CallbackState, Told
from broker.domain.endpoint import EndpointStanding, LastAnswer
from broker.errors import QueueAway
from broker.keyspace.breakers import Fuses
from broker.keyspace.circuits import Circuit
from broker.keyspace.client import AWAY
from broker.services.sql import AsyncSql
from broker.storage import endpoints
from broker.storage.database import Sql

PAGE = 50
MOST_WELL = 200
"""Most endpoints that are shown without owing them anything."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """How an endpoint stands, and whether it is left alone."""

    standing: EndpointStanding
    circuit: Circuit

    @property
    def is_failing(self) -> bool:
        """Say whether its last answer was none that means it has heard."""
        return bool(self.standing.last.error)


class Endpoints:
    """Looks at endpoints and their callbacks, within bounds. Raises Busy while SQL or Redis is away."""

    def __init__(self, sql: AsyncSql, fuses: Fuses) -> None:
        self._sql = sql
        self._fuses = fuses

    async def page(self, *, account: str, after: str, limit: int = PAGE) -> tuple[list[Endpoint], str]:
        """Return endpoints by name, and the one to go on after, empty at the end.

        At first come those that are owed something or were not told; after them, those that were told lately.
        """
        standings, further = await self._sql.read(partial(_look, account=account, after=after, limit=limit))
        try:
            circuits = await self._fuses.look([one.name for one in standings])
        except (*AWAY, TimeoutError) as error:
            raise QueueAway("which endpoints are left alone cannot be told now") from error
        return [Endpoint(standing=one, circuit=circuits[one.name]) for one in standings], further

    async def owed(self, name: str, *, limit: int) -> list[Told]:
        """Return what an endpoint is owed, what is due first."""
        return await self._sql.read(partial(endpoints.owed, name=name, limit=limit))

    async def newest(
        self, state: CallbackState, *, account: str, name: str, before: str, limit: int
    ) -> tuple[list[Told], str]:
        """Return callbacks in a state, the newest first, and where to go on from; empty where nothing is left."""
        job = partial(endpoints.newest, state=state, account=account, name=name, before=before, limit=limit)
        return await self._sql.read(job)


def _look(sql: Sql, *, account: str, after: str, limit: int) -> tuple[Sequence[EndpointStanding], str]:
    lately = endpoints.lately(sql)
    names = endpoints.names(sql, after=after, account=account, limit=limit + 1)
    shown = [endpoints.standing(sql, name, lately.get(name)) for name in names[:limit]]
    if len(names) > limit:
        return shown, names[limit - 1]
    well = (_well(name, last) for name, last in sorted(lately.items()) if not (last.owed or last.lost))
    mine = [one for one in well if not account or one.account == account]
    return [*shown, *mine[:MOST_WELL]], ""


def _well(name: str, last: LastAnswer) -> EndpointStanding:
    return EndpointStanding(name=name, owed=0, held=0, given_up=0, last=last)
