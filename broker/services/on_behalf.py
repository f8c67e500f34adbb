"""Send for an account that an operator names: through the door of every send, with its rights, limits and credit."""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial

from broker.dialects.base import Admitted
from broker.domain.account import Account, NoSuchAccount
from broker.domain.draft import Draft
from broker.services.accept import Accept
from broker.services.send_on import DIALECT
from broker.services.sql import AsyncSql
from broker.storage import accounts


class OnBehalf:
    """Sends drafts of operators; `taken` counts them: MMS or SMS, how many, whether it was a repeat."""

    def __init__(self, accept: Accept, sql: AsyncSql, *, taken: Callable[[str, int, bool], None]) -> None:
        self._accept = accept
        self._sql = sql
        self._taken = taken

    async def account(self, name: str) -> Account:
        """Return an account as it is now; raises NoSuchAccount, or Busy while SQL is away."""
        found = await self._sql.read(partial(accounts.by_name, name=name))
        if found is None:
            raise NoSuchAccount("there is no such account")
        return found

    async def send(self, account: str, draft: Draft) -> Admitted:
        """Send a draft; the same one again, by its key, sends nothing more.

        Raises:
            RequestError: there is no such account, or it may not send that.
            AdmissionError: not now.
        """
        known = await self.account(account)
        admitted = await self._accept.accept(draft, known, datetime.now(UTC), dialect=DIALECT)
        self._taken("mms" if draft.is_mms else "sms", len(admitted.ids), admitted.replayed)
        return admitted
