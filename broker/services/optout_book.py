"""Show opt-outs, and let operators change them by hand."""

from datetime import UTC, datetime
from functools import partial

from broker.domain.deed import kept
from broker.domain.optout import Change, Journalled, OptOut, OptOutQuery, Wish
from broker.domain.pseudonym import pair_key
from broker.errors import InvalidField, NotFound
from broker.services.sql import AsyncSql
from broker.settings import Settings
from broker.storage import accounts, optouts
from broker.storage.database import Sql


class OptOutBook:
    """Answers who has opted out of what. Every method raises Busy while SQL is away."""

    def __init__(self, settings: Settings, sql: AsyncSql) -> None:
        self._secret_key = settings.secret_key.get_secret_value()
        self._sql = sql

    async def page(self, query: OptOutQuery) -> tuple[list[OptOut], int | None]:
        """Return opt-outs in force, and where the next page begins."""
        return await self._sql.read(partial(optouts.page, query=query))

    async def one(self, number: int) -> OptOut:
        """Return an opt-out in force by its number; raises NotFound."""
        found = await self._sql.read(partial(optouts.one, number=number))
        if found is None:
            raise NotFound("there is no such opt-out")
        return found

    async def changes(self, query: OptOutQuery) -> tuple[list[Journalled], int | None]:
        """Return who changed what and why, and where the next page begins."""
        return await self._sql.read(partial(optouts.changes, query=query))

    async def change(
        self, wish: Wish, sender: str, recipient: str, *, account: str | None, who: str, reason: str
    ) -> bool:
        """Stop or start by hand; return whether that changed anything. Numbers in the reason are masked: it is kept.

        Raises:
            NotFound: there is no such opt-out to remove.
            InvalidField: nobody's sender, or somebody else's.
        """

        def job(sql: Sql) -> bool:
            key = pair_key(self._secret_key, sender, recipient)
            known = optouts.find(sql, key, sender=sender, recipient=recipient)
            if wish is Wish.START and known is None:
                raise NotFound("there is no such opt-out")
            change = Change(
                wish=wish,
                account=known[1] if known else _owner(sql, sender, account),
                sender=sender,
                recipient=recipient,
                at=datetime.now(UTC),
                who=who,
                reason=kept(reason),
            )
            return optouts.change(sql, known[0] if known else key, change)

        return await self._sql.write(job)


def _owner(sql: Sql, sender: str, account: str | None) -> str:
    owners = accounts.owners_of(sql, sender)
    if account is not None and account in owners:
        return account
    if account is None and len(owners) == 1:
        return owners[0]
    pointer = "/sender" if account is None and not owners else "/account"
    raise InvalidField("is not a sender of one account", pointer=pointer)
