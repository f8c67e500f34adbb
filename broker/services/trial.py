"""Send a message over a connection to try it: through the same door as every other."""

from collections.abc import Callable
from datetime import UTC, datetime

from broker.domain.account import NoSuchAccount
from broker.domain.draft import Draft
from broker.services.accept import Accept
from broker.services.authenticate import Authenticator


class Trial:
    """Sends for an account that an operator names; its rights, limits and credit are those of any other send."""

    def __init__(
        self, accept: Accept, accounts: Authenticator, *, counted: Callable[[int, bool], None]
    ) -> None:
        self._accept = accept
        self._accounts = accounts
        self._counted = counted

    async def send(self, account: str, draft: Draft) -> str:
        """Send a draft, and return the message's id; the same one where its key was used before.

        Raises:
            RequestError: there is no such account, or the account may not send that.
            AdmissionError: not now.
        """
        known = await self._accounts.account(account)
        if known is None:
            raise NoSuchAccount("there is no such account")
        admitted = await self._accept.accept(draft, known, datetime.now(UTC), dialect="native")
        self._counted(len(admitted.ids), admitted.replayed)
        return admitted.ids[0]
