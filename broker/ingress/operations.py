"""What operators may ask of connections, and do about callbacks that were not told."""

from aiohttp import web

from broker.dialects.native.dialect import credentials_of
from broker.dialects.native.logbook import logged, parse_log_query
from broker.dialects.native.tally import parse_tally_query, tallied
from broker.dialects.native.untold import listed, parse_replay, parse_untold, replayed
from broker.domain.operator import Role
from broker.errors import Busy
from broker.ingress.answers import to_web
from broker.ingress.calls import head
from broker.ingress.deeds import deed
from broker.ingress.router import PIECES
from broker.log import get_logger
from broker.services.audit import Audit
from broker.services.logbook import Logbook
from broker.services.replay import Replay
from broker.services.signin import SignIn
from broker.services.tallies import Tallies

log = get_logger()


class Operations:
    """Answers people who run the broker; each signs in with every request."""

    def __init__(
        self, sign_in: SignIn, audit: Audit, logbook: Logbook, tallies: Tallies, replay: Replay
    ) -> None:
        self._sign_in = sign_in
        self._audit = audit
        self._logbook = logbook
        self._tallies = tallies
        self._replay = replay

    async def log(self, request: web.BaseRequest) -> web.Response:
        """Answer `GET /v1/connections/{name}/log`."""
        call = head(request)
        await self._sign_in.operator(credentials_of(call.headers), needs=Role.VIEWER, peer=call.peer)
        found, further = await self._logbook.page(parse_log_query(call, request[PIECES]["name"]))
        return to_web(logged(found, further))

    async def counters(self, request: web.BaseRequest) -> web.Response:
        """Answer `GET /v1/connections/{name}/counters`."""
        call = head(request)
        await self._sign_in.operator(credentials_of(call.headers), needs=Role.VIEWER, peer=call.peer)
        name, since = request[PIECES]["name"], parse_tally_query(call)
        return to_web(tallied(name, await self._tallies.of(name, since), since))

    async def untold(self, request: web.BaseRequest) -> web.Response:
        """Answer `GET /v1/callbacks`: those that were given up or are held."""
        call = head(request)
        await self._sign_in.operator(credentials_of(call.headers), needs=Role.VIEWER, peer=call.peer)
        which, after, limit = parse_untold(call)
        return to_web(listed(*await self._replay.page(which, after=after, limit=limit)))

    async def replay(self, request: web.BaseRequest) -> web.Response:
        """Answer `POST /v1/callbacks/replay`: have them told again, so many a second."""
        call = head(request)
        operator = await self._sign_in.operator(
            credentials_of(call.headers), needs=Role.OPERATOR, peer=call.peer
        )
        which, rate = parse_replay(call)
        told = {"state": which.states, "since": which.since, "until": which.until, "rate": rate}
        noted = deed(operator.name, "callbacks replay", subject=which.account, details=told)
        async with self._audit.of(noted):
            done = await self._replay.again(which, rate=rate)
        if not done.whole:
            raise Busy(f"{done.count} are told again; the others as soon as this is asked for once more")
        log.info("callbacks_replayed", operator=operator.name, callbacks=done.count, rate=rate)
        return to_web(replayed(done.count, done.until))
