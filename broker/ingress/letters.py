"""What operators may see and do about dead letters."""

from aiohttp import web

from broker.dialects.native.dialect import credentials_of
from broker.dialects.native.letters import (
    job_shown,
    jobs_listed,
    listed_letters,
    parse_discard,
    parse_letters,
    parse_put_back,
    parse_stop,
    rehearsed,
    settled,
)
from broker.dialects.native.parameters import MOST_RATE, parameters
from broker.domain.dead import Letters, Standing
from broker.domain.operator import Role
from broker.domain.wire import Call
from broker.ingress.answers import to_web
from broker.ingress.calls import head
from broker.ingress.deeds import deed
from broker.ingress.router import PIECES, Router
from broker.log import get_logger
from broker.services.audit import Audit
from broker.services.letters import DeadLetters
from broker.services.signin import SignIn

log = get_logger()


class DeadLetterDesk:
    """Answers people who run the broker; each signs in with every request."""

    def __init__(self, sign_in: SignIn, audit: Audit, letters: DeadLetters) -> None:
        self._sign_in = sign_in
        self._audit = audit
        self._letters = letters

    def add_to(self, router: Router) -> None:
        """Serve the paths."""
        router.add("GET", "/v1/dead-letters", self.list)
        router.add("POST", "/v1/dead-letters/put-back", self.put_back)
        router.add("POST", "/v1/dead-letters/discard", self.discard)
        router.add("GET", "/v1/dead-letters/jobs", self.jobs)
        router.add("GET", "/v1/dead-letters/jobs/{id}", self.job)
        router.add("DELETE", "/v1/dead-letters/jobs/{id}", self.stop)

    async def list(self, request: web.BaseRequest) -> web.Response:
        """Answer `GET /v1/dead-letters`."""
        call = head(request)
        await self._sign_in.operator(credentials_of(call.headers), needs=Role.VIEWER, peer=call.peer)
        which, after, limit = parse_letters(call)
        return to_web(listed_letters(*await self._letters.page(which, after=after, limit=limit)))

    async def put_back(self, request: web.BaseRequest) -> web.Response:
        """Answer `POST /v1/dead-letters/put-back`: have them tried again, or say what would come of it."""
        call = head(request)
        by = await self._operator(call)
        which, rate, reason, dry = parse_put_back(call)
        if dry:
            return to_web(rehearsed(await self._letters.outlook(which)))
        return await self._settle(which, Standing.PUT_BACK, rate=rate, by=by, reason=reason)

    async def discard(self, request: web.BaseRequest) -> web.Response:
        """Answer `POST /v1/dead-letters/discard`: have them ended, for a reason."""
        call = head(request)
        by = await self._operator(call)
        which, reason = parse_discard(call)
        return await self._settle(which, Standing.DISCARDED, rate=MOST_RATE, by=by, reason=reason)

    async def jobs(self, request: web.BaseRequest) -> web.Response:
        """Answer `GET /v1/dead-letters/jobs`: what is not done yet."""
        call = head(request)
        await self._sign_in.operator(credentials_of(call.headers), needs=Role.VIEWER, peer=call.peer)
        parameters(call, ())
        return to_web(jobs_listed(await self._letters.running()))

    async def job(self, request: web.BaseRequest) -> web.Response:
        """Answer `GET /v1/dead-letters/jobs/{id}`."""
        call = head(request)
        await self._sign_in.operator(credentials_of(call.headers), needs=Role.VIEWER, peer=call.peer)
        parameters(call, ())
        return to_web(job_shown(await self._letters.job(request[PIECES]["id"])))

    async def stop(self, request: web.BaseRequest) -> web.Response:
        """Answer `DELETE /v1/dead-letters/jobs/{id}`: what has not left yet is kept here after all."""
        call = head(request)
        by = await self._operator(call)
        name, reason = request[PIECES]["id"], parse_stop(call)
        async with self._audit.of(deed(by, "dead-letters stay", subject=name, reason=reason)):
            stopped, job = await self._letters.stop(name)
        log.info("dead_letters_kept", operator=by, letters=stopped)
        return to_web(job_shown(job))

    async def _operator(self, call: Call) -> str:
        operator = await self._sign_in.operator(
            credentials_of(call.headers), needs=Role.OPERATOR, peer=call.peer
        )
        return operator.name

    async def _settle(
        self, which: Letters, wanted: Standing, *, rate: float, by: str, reason: str
    ) -> web.Response:
        told = {
            name: getattr(which, name)
            for name in ("kind", "account", "connection", "error", "since", "until")
        }
        told |= {"what": wanted.replace("_", " "), "rate": rate}
        noted = deed(by, "dead-letters settle", subject=which.id, reason=reason, details=told)
        async with self._audit.of(noted):
            done = await self._letters.settle(which, wanted=wanted, rate=rate, by=by, reason=reason)
        log.info("dead_letters_settled", operator=by, wanted=wanted, letters=done.count, rate=rate)
        return to_web(settled(done.count, done.until, done.job))
