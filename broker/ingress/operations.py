"""What operators may ask of connections."""

from aiohttp import web

from broker.dialects.native.dialect import credentials_of
from broker.dialects.native.logbook import logged, parse_log_query
from broker.dialects.native.tally import parse_tally_query, tallied
from broker.domain.operator import Role
from broker.ingress.answers import to_web
from broker.ingress.calls import head
from broker.ingress.router import PIECES
from broker.services.logbook import Logbook
from broker.services.signin import SignIn
from broker.services.tallies import Tallies


class Operations:
    """Answers people who run the broker; each signs in with every request."""

    def __init__(self, sign_in: SignIn, logbook: Logbook, tallies: Tallies) -> None:
        self._sign_in = sign_in
        self._logbook = logbook
        self._tallies = tallies

    async def log(self, request: web.BaseRequest) -> web.Response:
        """Answer `GET /v1/connections/{name}/log`."""
        call = head(request)
        await self._sign_in.operator(credentials_of(call.headers), needs=Role.VIEWER, peer=call.peer)
        found, more = await self._logbook.page(parse_log_query(call, request[PIECES]["name"]))
        return to_web(logged(found, more=more))

    async def counters(self, request: web.BaseRequest) -> web.Response:
        """Answer `GET /v1/connections/{name}/counters`."""
        call = head(request)
        await self._sign_in.operator(credentials_of(call.headers), needs=Role.VIEWER, peer=call.peer)
        name, since = request[PIECES]["name"], parse_tally_query(call)
        return to_web(tallied(name, await self._tallies.of(name, since), since))
