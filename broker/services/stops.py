"""Say at the door who has opted out, from memory: what is claimed is decided by the record."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from functools import partial

from broker.domain.account import Account
from broker.domain.draft import Draft
from broker.domain.message import Message
from broker.domain.optout import OPTED_OUT, Journalled, OptedOut, OptOut, OptOutQuery, Wish
from broker.errors import Busy, InvalidRequest
from broker.services.sql import AsyncSql
from broker.storage import optouts, rules

EVERY_S = 2.0
"""How old what is remembered may be."""
MOST = 100_000
"""Most opt-outs that are remembered; later ones are found out at the claim."""
_PAGE = 1000
"""Opt-outs of one look-up, and how far back each look goes: what began earlier may be seen later."""


class Stops:
    """Remembers opt-outs, and refuses what is for them before it is taken."""

    def __init__(self, sql: AsyncSql, *, remembers: Callable[[str, str], Awaitable[bool]]) -> None:
        self._sql = sql
        self._remembers = remembers
        self._pairs: set[tuple[str, str]] = set()
        self._lenient: frozenset[str] = frozenset()
        self._seen = -1

    def __bool__(self) -> bool:
        """Say whether anybody has opted out."""
        return bool(self._pairs)

    async def check(self, draft: Draft, messages: Sequence[Message], account: Account) -> None:
        """Return if nobody of a draft's recipients is known to have opted out.

        A request that was taken before goes on: it gets the answer that it got.

        Raises:
            OptedOut, InvalidRequest: one or several have.
            QueueAway: whether it was taken before cannot be told.
        """
        if account.name in self._lenient:
            return
        recipients = dict.fromkeys((one.originator, one.recipient) for one in messages)
        wrong = [
            OptedOut(OPTED_OUT, pointer=f"/to/{number}" if draft.several else "/to", value=recipient)
            for number, (originator, recipient) in enumerate(recipients)
            if (originator, recipient) in self._pairs
        ]
        if wrong and not (draft.key and await self._remembers(account.name, draft.key)):
            raise wrong[0] if len(wrong) == 1 else InvalidRequest(wrong)

    async def look(self) -> None:
        """Learn what has changed."""
        if self._seen < 0:
            self._seen = await self._sql.read(optouts.last_change)
            await self._learn(OptOutQuery(limit=_PAGE))
        found = await self._sql.read(rules.every)
        self._lenient = frozenset(name for name, one in found.items() if not one.enforced)
        after: int | None = max(0, self._seen - _PAGE)
        while after is not None:
            query = OptOutQuery(after=after, limit=_PAGE)
            changes, after = await self._sql.read(partial(optouts.changes, query=query))
            self._apply(changes)

    async def watch(self) -> None:
        """Look again and again, until cancelled."""
        while True:
            with suppress(Busy):  # then what is remembered stands
                await self.look()
            await asyncio.sleep(EVERY_S)

    async def _learn(self, query: OptOutQuery) -> None:
        after: int | None = 0
        while after is not None and len(self._pairs) < MOST:
            page = partial(optouts.page, query=OptOutQuery(after=after, limit=query.limit))
            rows, after = await self._sql.read(page)
            self._pairs |= {(row.sender, row.recipient) for row in rows}

    def _apply(self, changes: Sequence[Journalled]) -> None:
        for change in changes:
            self._seen = max(self._seen, change.id)
            if change.wish is Wish.START:
                self._pairs.discard(_pair(change))
            elif change.wish is Wish.STOP and len(self._pairs) < MOST:
                self._pairs.add(_pair(change))


def _pair(row: OptOut) -> tuple[str, str]:
    return row.sender, row.recipient
