"""Answer what calls that do not send ask for."""

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import partial

from broker.directory import Directory, Snapshot
from broker.domain.account import Account
from broker.domain.ask import (
    Ask,
    ChangeBalance,
    Found,
    Listing,
    ListMessages,
    ShowArrival,
    ShowBalance,
    ShowMessage,
    Shown,
)
from broker.domain.operator import Operator
from broker.domain.record import Record
from broker.domain.value import replace
from broker.errors import Busy, NotFound
from broker.services.folders import Folders
from broker.services.handle import Handle
from broker.services.lookup import Lookup
from broker.services.outgoing import link_to
from broker.services.stored import read_parts, stored_parts
from broker.services.till import Till
from broker.settings import Settings
from broker.storage.away import StorageAway

Afterwards = Callable[[bool], Awaitable[None]]
"""What is done once the customer has the answer (True), or has hung up before (False)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What was found, and what is still to be done."""

    found: Found
    afterwards: Afterwards | None = None


class Desk:
    """Serves the asks of every dialect, each for the account that signed in."""

    def __init__(
        self,
        settings: Settings,
        *,
        lookup: Lookup,
        folders: Folders,
        handle: Handle,
        till: Till,
        directory: Directory,
        executor: Executor,
    ) -> None:
        self._settings = settings
        self._lookup = lookup
        self._folders = folders
        self._handle = handle
        self._till = till
        self._directory = directory
        self._executor = executor

    async def answer(self, ask: Ask, caller: Account | Operator) -> Reply:
        """Find or do what is asked.

        Raises:
            NotFound: there is no such message, or it is another account's; there is no such account.
            ForAdministrators: the caller may not ask that.
            Busy: not now.
        """
        if isinstance(ask, ShowBalance | ChangeBalance):
            return Reply(found=await self._till.answer(ask, caller))
        if isinstance(caller, Operator):
            raise NotFound("an operator has no messages")
        if isinstance(ask, ShowMessage):
            shown = self._shown(await self._lookup.named(ask.id, caller), caller)
            return Reply(found=await self._with_files(shown) if ask.files else shown)
        if isinstance(ask, ShowArrival):
            shown = self._shown(await self._lookup.arrival(ask.number, caller), caller)
            return Reply(found=await self._with_files(shown))
        if isinstance(ask, ListMessages):
            return await self._list(ask, caller)
        return Reply(found=await self._handle.handle(ask, caller, await self._look()))

    async def _with_files(self, shown: Shown) -> Shown:
        stored = stored_parts(shown.record.message)
        files = await asyncio.get_running_loop().run_in_executor(self._executor, read_parts, stored)
        return replace(shown, files=files)

    async def _list(self, ask: ListMessages, account: Account) -> Reply:
        known = await self._look() if ask.then is not None else None
        records = await self._folders.listed(ask, account)
        found = Listing(messages=tuple(self._shown(record, account) for record in records))
        if ask.then is None or known is None or not records:
            return Reply(found=found)
        ids = [record.message.id for record in records]
        act = partial(self._folders.fetched, ids, ask.then, account, known)
        return Reply(found=found, afterwards=lambda has_it: act(has_it=has_it))

    async def _look(self) -> Snapshot:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._executor, self._directory.look)
        except StorageAway as error:
            raise Busy("messages cannot be changed now") from error

    def _shown(self, record: Record, account: Account) -> Shown:
        links = {part.index: link_to(self._settings, part) for part in stored_parts(record.message)}
        return Shown(record=record, timezone=account.timezone, links=links)
