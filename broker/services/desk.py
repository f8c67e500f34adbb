"""Answer what calls that do not send ask for."""

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path

from broker.domain.account import Account
from broker.domain.ask import Ask, Found, ShowMessage, Shown
from broker.domain.ids import is_id
from broker.domain.message import Message, Part, PartState
from broker.errors import NotFound
from broker.services.lookup import Lookup
from broker.services.outgoing import link_to
from broker.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What was found, and what is to be done once the customer has the answer: after a broken one, nothing."""

    found: Found
    afterwards: Callable[[], Awaitable[None]] | None = None


class Desk:
    """Serves the asks of every dialect, each for the account that signed in."""

    def __init__(self, settings: Settings, *, lookup: Lookup, executor: Executor) -> None:
        self._settings = settings
        self._lookup = lookup
        self._executor = executor

    async def answer(self, ask: Ask, account: Account) -> Reply:
        """Find or do what is asked.

        Raises:
            NotFound: there is no such message, or it is another account's.
            Busy: not now.
        """
        return Reply(found=await self._show(ask, account))

    async def _show(self, ask: ShowMessage, account: Account) -> Shown:
        if not is_id(ask.id):
            raise NotFound("there is no such message")
        record = await self._lookup.one(ask.id, account)
        stored = stored_parts(record.message)
        files: dict[int, bytes] = {}
        if ask.files:
            files = await asyncio.get_running_loop().run_in_executor(self._executor, _read, stored)
        return Shown(record=record, links=self._links(stored), files=files)

    def _links(self, stored: tuple[Part, ...]) -> dict[int, str]:
        return {part.index: link_to(self._settings, part) for part in stored}


def stored_parts(message: Message) -> tuple[Part, ...]:
    """Return the parts of a message whose bytes are with us."""
    return tuple(part for part in message.parts if part.state is PartState.STORED)


def _read(stored: tuple[Part, ...]) -> dict[int, bytes]:
    """Return the bytes of parts; a file that somebody removed is left out."""
    found = {}
    for part in stored:
        try:
            found[part.index] = Path(part.path or "").read_bytes()
        except OSError:
            continue
    return found
