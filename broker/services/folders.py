"""Give customers what is in their folders; what they fetch to keep is held for them until they have it."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial

from broker.directory import Snapshot
from broker.domain.account import Account
from broker.domain.ask import Handling, ListMessages
from broker.domain.record import Record
from broker.errors import Busy
from broker.keyspace.clock import Clock
from broker.log import get_logger
from broker.services.handle import Wish, do
from broker.services.outcome import at
from broker.services.sql import AsyncSql
from broker.settings import Settings
from broker.storage import folders
from broker.storage.database import Sql

log = get_logger()

HELD_MS = 90_000
"""How long messages are held for whoever is being given them: longer than writing an answer may take."""


class Folders:
    """Lists folders, each for its own account. Raises Busy where SQL cannot say."""

    def __init__(self, settings: Settings, *, sql: AsyncSql, clock: Clock) -> None:
        self._settings = settings
        self._sql = sql
        self._clock = clock

    async def listed(self, ask: ListMessages, account: Account) -> list[Record]:
        """Return what is in a folder. What is asked for to keep is held, and must be kept or given back."""
        now_ms = await self._clock.now_ms()
        text_before = at(now_ms) - timedelta(seconds=self._settings.media_text_hold_s)
        if ask.then is not None:
            job = partial(_held, ask=ask, account=account.name, now_ms=now_ms, text_before=text_before)
            return await self._sql.write(job)
        return await self._sql.read(
            lambda sql: folders.records(
                sql,
                folders.listed(
                    sql,
                    ask.folder,
                    account=account.name,
                    limit=ask.limit,
                    unmarked=ask.unmarked,
                    now_ms=now_ms,
                    text_before=text_before,
                ),
            )
        )

    async def fetched(
        self, ids: Sequence[str], handling: Handling, account: Account, known: Snapshot, *, has_it: bool
    ) -> None:
        """Do with held messages what their customer wanted, or give them back if it did not get them."""
        try:
            if not has_it:
                await self._sql.write(lambda sql: folders.release(sql, ids))
                return
            wish = Wish(
                account=account.name,
                names=tuple(ids),
                handling=handling,
                folder=None,
                now_ms=await self._clock.now_ms(),
                known=known,
                settings=self._settings,
            )
            await self._sql.write(partial(do, wish=wish))
        except Busy:
            # They come back when they are held no longer: rather twice than not at all.
            log.warning("fetched_not_recorded", messages=len(ids))


def _held(sql: Sql, *, ask: ListMessages, account: str, now_ms: int, text_before: datetime) -> list[Record]:
    ids = folders.hold(
        sql,
        account=account,
        limit=ask.limit,
        now_ms=now_ms,
        until_ms=now_ms + HELD_MS,
        text_before=text_before,
    )
    return folders.records(sql, ids)
