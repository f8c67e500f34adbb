"""Count what connections have carried."""

from collections import Counter as Sums
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial

from broker.domain.folder import Counter, Folder, Tally, counters_of, folder_of
from broker.domain.ids import first_id_of, made_at
from broker.domain.value import replace
from broker.errors import NotFound
from broker.providers.base import Provider
from broker.services.sql import AsyncSql
from broker.storage import folders

LOOKED_AT = 20_000
"""So many of the newest messages a page counts at least, all of a second together, and not many more."""


class Tallies:
    """Counts messages in SQL, so that the numbers are those of the record and nothing is to be kept in step."""

    def __init__(
        self, sql: AsyncSql, *, known: Callable[[], Mapping[str, Provider]], looked_at: int = LOOKED_AT
    ) -> None:
        self._sql = sql
        self._known = known
        self._looked_at = looked_at

    async def lately(self, name: str) -> Tally:
        """Return the counters of a connection, however much there is: over the newest messages of all, if need be.

        Raises:
            Busy: SQL is away.
        """
        edge = await self._sql.read(partial(folders.edge, looked_at=self._looked_at))
        since = None if edge is None else made_at(edge).replace(microsecond=0)
        return replace(_tally(await self._rows(name, since)), since=since)

    async def of(self, name: str, since: datetime | None) -> Tally:
        """Return the counters of a connection, over all its messages or those made since a moment.

        Raises:
            NotFound: there is no such connection, and it has carried nothing.
            Busy: SQL is away.
        """
        rows = await self._rows(name, since)
        if not rows and name not in self._known():
            raise NotFound("there is no such connection")
        return _tally(rows)

    async def _rows(self, name: str, since: datetime | None) -> folders.Counts:
        first = "" if since is None else first_id_of(since)
        return await self._sql.read(partial(folders.count, name=name, since=first))


def _tally(rows: folders.Counts) -> Tally:
    counters: Sums[Counter] = Sums(dict.fromkeys(Counter, 0))
    held: Sums[Folder] = Sums(dict.fromkeys(Folder, 0))
    for (direction, status, taken, deleted), number in rows.items():
        held[folder_of(status, taken=taken, deleted=deleted)] += number
        for counter in counters_of(direction, status, taken=taken):
            counters[counter] += number
    return Tally(counters=counters, folders=held)
