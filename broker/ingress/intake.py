"""The one hall that every dialect's calls go through."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime

from aiohttp import web

from broker.dialects.base import Admitted, Dialect, Outcome
from broker.domain.account import Account
from broker.domain.ask import Ask, Found, Shown
from broker.domain.draft import Draft
from broker.domain.operator import ForAdministrators, Operator, Role
from broker.domain.value import replace
from broker.domain.wire import Call, Response
from broker.errors import (
    AdmissionError,
    AuthenticationFailed,
    KeyReused,
    Malformed,
    NotPermitted,
    RequestError,
    Unforeseen,
)
from broker.ingress.answers import to_web
from broker.ingress.calls import read, readable
from broker.ingress.metrics import Meter
from broker.ingress.swift import Swift
from broker.ingress.turned_away import TurnedAway
from broker.log import get_logger, told_without_content
from broker.services.accept import Accept
from broker.services.authenticate import Authenticator
from broker.services.desk import Afterwards, Desk
from broker.services.signin import SignIn
from broker.tracing import Tracing

log = get_logger()

NO_MMS = "this account may not send multimedia messages"


class Intake:
    """Takes the calls of one dialect: who asks, what for, is it ours now or found, how to say so."""

    def __init__(
        self,
        dialect: Dialect,
        *,
        authenticator: Authenticator,
        accept: Accept,
        desk: Desk,
        sign_in: SignIn,
        meter: Meter,
        turned_away: TurnedAway,
        tracing: Tracing | None = None,
        body_limit: int,
        patience_s: float,
    ) -> None:
        self._dialect = dialect
        self._authenticator = authenticator
        self._accept = accept
        self._desk = desk
        self._sign_in = sign_in
        self._meter = meter
        self._turned_away = turned_away
        self._tracing = tracing
        self._body_limit = body_limit
        self._patience_s = patience_s

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request; errors are told in the dialect's own form."""
        call: Call | None = None
        afterwards: Afterwards | None = None
        try:
            call = await read(
                request,
                limit=self._body_limit,
                patience_s=self._patience_s,
                most_fields=self._dialect.most_fields,
            )
            response, afterwards = await self._respond(call)
        except (RequestError, AdmissionError) as error:
            self._turned_away.tell(self._dialect.name, error)
            response = self._dialect.refused(call or self._readable(request), error)
        return Swift(response, private=request.method == "GET", afterwards=afterwards)

    def failed(self, request: web.BaseRequest) -> web.Response:
        """Return the answer for when we are at fault: what became of the request is not known."""
        call = self._readable(request)
        return to_web(self._dialect.refused(call, Unforeseen("something went wrong here")))

    def _readable(self, request: web.BaseRequest) -> Call:
        return readable(request, self._dialect.most_fields)

    async def _respond(self, call: Call) -> tuple[Response, Afterwards | None]:
        dialect = self._dialect
        if dialect.is_administrative(call):
            account = await self._administrator(call)
        else:
            account = await self._authenticator.authenticate(dialect.credentials(call), call.peer)
        if isinstance(account, Operator):
            return await self._asked(call, account)
        if not account.mms and dialect.needs_mms(call):
            raise NotPermitted(NO_MMS)
        if account.fixed_sender:
            call = dialect.without_sender(call)
        drafts = self._parse(call)
        if not isinstance(drafts, tuple):
            return await self._asked(call, account, drafts)
        if len(drafts) == 1 and isinstance(drafts[0], Draft) and dialect.lone_error_is_whole:
            outcome = await self._accept_one(drafts[0], account, datetime.now(UTC))
            return dialect.answer(call, (outcome,)), None
        return dialect.answer(call, await self._accept_all(drafts, account)), None

    async def _administrator(self, call: Call) -> Account | Operator:
        """Return the operator that asks, or else the account."""
        credentials = self._dialect.credentials(call)
        user = credentials.user
        if user and await self._sign_in.knows(user):
            try:
                return await self._sign_in.operator(credentials, needs=Role.ADMIN, peer=call.peer)
            except AuthenticationFailed:
                # A customer may have an operator's name; but who has not is told as fast as anybody else.
                if not await self._authenticator.knows(user):
                    raise
        return await self._authenticator.authenticate(credentials, call.peer)

    async def _asked(
        self, call: Call, caller: Account | Operator, ask: Ask | None = None
    ) -> tuple[Response, Afterwards | None]:
        asked = ask or self._parse(call)
        if isinstance(asked, tuple):
            raise ForAdministrators("an operator sends no messages")
        reply = await self._desk.answer(asked, caller)
        return await self._found(call, reply.found), reply.afterwards

    async def _found(self, call: Call, found: Found) -> Response:
        if isinstance(found, Shown) and found.files:
            # To put megabytes of files into words takes longer than others should wait.
            return await asyncio.to_thread(self._dialect.found, call, found)
        return self._dialect.found(call, found)

    def _parse(self, call: Call) -> tuple[Draft | RequestError, ...] | Ask:
        try:
            return self._dialect.parse(call)
        except (RecursionError, UnicodeError, ValueError, OverflowError) as error:
            log.error("request_not_foreseen", dialect=self._dialect.name, error=type(error).__name__)
            raise Malformed("the request cannot be read") from error

    async def _accept_all(
        self, drafts: Sequence[Draft | RequestError], account: Account
    ) -> Sequence[Outcome]:
        """Admit independent drafts together, so that they share a round trip."""
        now = datetime.now(UTC)
        if len(drafts) == 1:
            outcomes: Sequence[Outcome] = (await self._outcome(drafts[0], account, now),)
        else:
            outcomes = await asyncio.gather(*(self._outcome(draft, account, now) for draft in drafts))
        for outcome in outcomes:
            if not isinstance(outcome, Admitted):
                self._turned_away.tell(self._dialect.name, outcome)
        return outcomes

    async def _outcome(self, draft: Draft | RequestError, account: Account, now: datetime) -> Outcome:
        if isinstance(draft, RequestError):
            return draft
        try:
            return await self._accept_one(draft, account, now)
        except (RequestError, AdmissionError) as error:
            return error
        except Exception as error:  # noqa: BLE001  # the others may be taken by now: this one alone is not known
            log.error("draft_failed", dialect=self._dialect.name, **told_without_content(error))
            return Unforeseen("something went wrong here")

    async def _accept_one(self, draft: Draft, account: Account, now: datetime) -> Admitted:
        if self._tracing is not None:
            draft = replace(draft, trace=self._tracing.here())
        try:
            admitted = await self._accept.accept(draft, account, now, dialect=self._dialect.name)
        except KeyReused:
            self._meter.reused()
            raise
        self._meter.accepted("mms" if draft.is_mms else "sms", len(admitted.ids), replayed=admitted.replayed)
        return admitted
