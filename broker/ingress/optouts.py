"""Opt-outs over HTTP: accounts see theirs, operators see and change all."""

from aiohttp import web

from broker.dialects.native.dialect import credentials_of
from broker.dialects.native.fields import BODY_LIMIT
from broker.dialects.native.optouts import (
    opt_out_changed,
    opt_outs_listed,
    parse_opt_out,
    parse_opt_out_query,
)
from broker.domain.operator import Role
from broker.domain.optout import Wish
from broker.ingress.answers import to_web
from broker.ingress.calls import head, read
from broker.ingress.deeds import deed
from broker.ingress.router import Router
from broker.log import get_logger
from broker.services.audit import Audit
from broker.services.authenticate import Authenticator
from broker.services.optout_book import OptOutBook
from broker.services.signin import SignIn

log = get_logger()


class OptOuts:
    """Serves the list to accounts, and everything to operators, who sign in with every request."""

    def __init__(
        self,
        book: OptOutBook,
        authenticator: Authenticator,
        sign_in: SignIn,
        audit: Audit,
        *,
        patience_s: float,
    ) -> None:
        self._book = book
        self._authenticator = authenticator
        self._sign_in = sign_in
        self._audit = audit
        self._patience_s = patience_s

    def add_to(self, router: Router) -> None:
        """Serve the paths."""
        router.add("GET", "/v1/opt-outs", self.own)
        router.add("GET", "/v1/operators/opt-outs", self.list)
        router.add("GET", "/v1/operators/opt-outs/changes", self.changes)
        router.add("POST", "/v1/operators/opt-outs", self.stop)
        router.add("POST", "/v1/operators/opt-outs/remove", self.start)

    async def own(self, request: web.BaseRequest) -> web.Response:
        """Answer `GET /v1/opt-outs`: those of the account."""
        call = head(request)
        account = await self._authenticator.authenticate(credentials_of(call.headers), call.peer)
        return to_web(
            opt_outs_listed(*await self._book.page(parse_opt_out_query(call, account=account.name)))
        )

    async def list(self, request: web.BaseRequest) -> web.Response:
        """Answer `GET /v1/operators/opt-outs`."""
        call = head(request)
        await self._sign_in.operator(credentials_of(call.headers), needs=Role.VIEWER, peer=call.peer)
        return to_web(opt_outs_listed(*await self._book.page(parse_opt_out_query(call))))

    async def changes(self, request: web.BaseRequest) -> web.Response:
        """Answer `GET /v1/operators/opt-outs/changes`: who stopped and started, when and why."""
        call = head(request)
        await self._sign_in.operator(credentials_of(call.headers), needs=Role.VIEWER, peer=call.peer)
        return to_web(opt_outs_listed(*await self._book.changes(parse_opt_out_query(call))))

    async def stop(self, request: web.BaseRequest) -> web.Response:
        """Answer `POST /v1/operators/opt-outs`: one by hand."""
        return await self._change(request, Wish.STOP)

    async def start(self, request: web.BaseRequest) -> web.Response:
        """Answer `POST /v1/operators/opt-outs/remove`."""
        return await self._change(request, Wish.START)

    async def _change(self, request: web.BaseRequest, wish: Wish) -> web.Response:
        call = head(request)
        operator = await self._sign_in.operator(
            credentials_of(call.headers), needs=Role.OPERATOR, peer=call.peer
        )
        given = parse_opt_out(await read(request, limit=BODY_LIMIT, patience_s=self._patience_s))
        noted = deed(
            operator.name,
            "opt-outs add" if wish is Wish.STOP else "opt-outs remove",
            subject=given.get("account"),
            reason=given["reason"],
            details={name: given[name] for name in ("sender", "recipient")},
        )
        async with self._audit.of(noted):
            changed = await self._book.change(
                wish,
                given["sender"],
                given["recipient"],
                account=given.get("account"),
                who=operator.name,
                reason=given["reason"],
            )
        log.info("opt_out_changed", operator=operator.name, wish=str(wish), changed=changed)
        return to_web(opt_out_changed(changed=changed))
