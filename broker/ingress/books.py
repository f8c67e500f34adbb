"""What operators may see of the ledger."""

from aiohttp import web

from broker.dialects.native.books import balanced, parse_ledger_query
from broker.dialects.native.dialect import credentials_of
from broker.domain.operator import Role
from broker.ingress.answers import to_web
from broker.ingress.calls import head
from broker.ingress.router import Router
from broker.services.balance import Balance
from broker.services.signin import SignIn


class LedgerDesk:
    """Answers people who run the broker; each signs in with every request."""

    def __init__(self, sign_in: SignIn, balance: Balance) -> None:
        self._sign_in = sign_in
        self._balance = balance

    def add_to(self, router: Router) -> None:
        """Serve the ledger."""
        router.add("GET", "/v1/ledger", self.show)

    async def show(self, request: web.BaseRequest) -> web.Response:
        """Answer `GET /v1/ledger`."""
        call = head(request)
        await self._sign_in.operator(credentials_of(call.headers), needs=Role.VIEWER, peer=call.peer)
        return to_web(balanced(*await self._balance.lines(*parse_ledger_query(call))))
