"""Say and change what is left of accounts' credit, for who may ask."""

from broker.domain.account import Account
from broker.domain.ask import Balance, ChangeBalance, ShowBalance
from broker.domain.operator import ForAdministrators, Operator
from broker.errors import MissingField
from broker.services.credit import Credit


class Till:
    """Tells customers their own balance, and administrators any; only administrators change one."""

    def __init__(self, credit: Credit) -> None:
        self._credit = credit

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
        change = self._credit.add_balance if ask.add else self._credit.set_balance
        if ask.amount is None:
            return Balance(
                account=account, left=await self._credit.set_balance(account, None, who=caller.name)
            )
        return Balance(account=account, left=await change(account, ask.amount, who=caller.name))
