"""Send a stored part on, as a new message of its account."""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from hashlib import sha256

from broker.domain.draft import Draft, MediaRef
from broker.domain.ids import part_id
from broker.errors import NotFound
from broker.services.accept import Accept
from broker.services.sql import AsyncSql
from broker.storage import accounts, browsing

DIALECT = "console"
"""What stands for the dialect of such a message: an operator asked for it."""


class SendOn:
    """Goes through the door of every send, with the account's rights, limits and credit; `taken` counts it."""

    def __init__(self, accept: Accept, sql: AsyncSql, *, taken: Callable[..., None]) -> None:
        self._accept = accept
        self._sql = sql
        self._taken = taken

    async def senders(self, account: str) -> tuple[str, ...]:
        """Return what an account may send from; raises Busy while SQL is away."""
        found = await self._sql.read(partial(accounts.by_name, name=account))
        return () if found is None else found.senders

    async def send(
        self, message_id: str, index: int, *, to: str, sender: str, text: str, once: str, who: str
    ) -> str:
        """Send a part of a message on and return the new message's id; the same `once` sends it once.

        Raises:
            NotFound: there is no such message.
            RequestError, AdmissionError: as any send.
        """
        name = await self._sql.read(partial(browsing.account_of, message_id=message_id))
        account = None if name is None else await self._sql.read(partial(accounts.by_name, name=name))
        if account is None:
            raise NotFound("there is no such message")
        media = part_id(message_id, index)
        draft = Draft(
            recipients=(to,),
            originator=sender or None,
            text=text,
            media=(MediaRef(media_id=media, pointer="/media/0"),),
            key=f"console:{who}:{once}",
            digest=sha256("\0".join((media, to, sender, text)).encode()).hexdigest(),
        )
        admitted = await self._accept.accept(draft, account, datetime.now(UTC), dialect=DIALECT)
        self._taken(replayed=admitted.replayed)
        return admitted.ids[0]
