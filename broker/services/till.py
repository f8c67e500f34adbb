"""Say and change what is left of accounts' credit, for who may ask."""

from broker.domain.account import Account
from broker.domain.ask import Balance, ChangeBalance, ShowBalance
from broker.domain.deed import Deed, Door
from broker.domain.operator import ForAdministrators, Operator
from broker.errors import MissingField
from broker.services.audit import Audit
from broker.services.credit import Credit


class Till:
    """Tells customers their own balance, and administrators any; only administrators change one."""

    def __init__(self, credit: Credit, audit: Audit) -> None:
        self._credit = credit
        self._audit = audit

    async def answer(self, ask: ShowBalance | ChangeBalance, caller: Account | Operator) -> Balance:
        """Return the balance that was asked for, or what it is now.

        Raises:
            ForAdministrators: the caller is none, and it is not about its own balance.
            MissingField: an administrator does not say whose.
            NoSuchAccount: there is no such account.
            Busy: SQL or Redis cannot say.
        """
        own = caller.name if isinstance(caller, Account) else None
        account = ask.account or own
        if account is None:
            raise MissingField("is required", pointer="/useraccount")
        if isinstance(ask, ShowBalance):
            if own not in (None, account):
                raise ForAdministrators("only administrators may look at other accounts")
            return Balance(account=account, left=await self._credit.balance(account))
        if own is not None:
            raise ForAdministrators("only administrators may change a balance")
        async with self._audit.of(_deed(ask, account, caller.name)):
            if ask.add and ask.amount is not None:
                left = await self._credit.add_balance(account, ask.amount, who=caller.name)
            else:
                left = await self._credit.set_balance(account, ask.amount, who=caller.name)
        return Balance(account=account, left=left)


def _deed(ask: ChangeBalance, account: str, who: str) -> Deed:
    return Deed(
        operator=who,
        door=Door.API,
        action="credit add" if ask.add else "credit set",
        subject=account,
        details={"amount": "unlimited" if ask.amount is None else str(ask.amount)},
    )
