"""Note what operators do, before it is done."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from functools import partial

from broker.domain.deed import Deed, DeedQuery, Noted
from broker.domain.value import replace
from broker.errors import AdmissionError, Busy, RequestError
from broker.services.sql import AsyncSql
from broker.storage import audit


class Audit:
    """Keeps who did what. What cannot be noted is not done."""

    def __init__(self, sql: AsyncSql) -> None:
        self._sql = sql

    async def note(self, deed: Deed) -> None:
        """Write a deed down.

        Raises:
            Busy: SQL is away.
        """
        await self._sql.write(partial(audit.note, deed=deed, at=datetime.now(UTC)))

    @asynccontextmanager
    async def of(self, deed: Deed) -> AsyncIterator[None]:
        """Write a deed down before it is done; where it then is refused, that too.

        Raises:
            Busy: SQL is away, and so it is not done.
        """
        await self.note(deed)
        try:
            yield
        except (RequestError, AdmissionError) as error:
            with suppress(Busy):
                await self.note(replace(deed, refused=str(error)))
            raise

    async def page(self, query: DeedQuery) -> tuple[list[Noted], int | None]:
        """Return deeds, the newest first, and where the next page begins.

        Raises:
            Busy: SQL is away.
        """
        return await self._sql.read(partial(audit.page, query=query))

    async def actions(self) -> list[str]:
        """Return every word for an action that was used; raises as `page` does."""
        return await self._sql.read(audit.actions)
