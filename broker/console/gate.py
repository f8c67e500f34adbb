"""Let in who may: session, role, origin and token are checked here, for every page; what people do is noted."""

import hmac
import re
from collections.abc import Awaitable, Callable, Mapping
from contextlib import nullcontext
from typing import Any, NamedTuple, NoReturn
from urllib.parse import quote, unquote

from aiohttp import web

from broker.console.forms import Form, check_origin, read_form
from broker.console.headers import PRIVATE
from broker.console.pages import Pages, go_to
from broker.console.visit import ROOT, Visit, theme_of
from broker.dialects.native.problem import problem
from broker.domain.address import mask
from broker.domain.deed import Deed, Door
from broker.domain.operator import ForAdministrators, Role
from broker.domain.value import replace
from broker.errors import AdmissionError, NotPermitted, RequestError
from broker.services.audit import Audit
from broker.services.sessions import Session, Sessions

COOKIE = "ringpost-session"
TOKEN = "token"  # noqa: S105  # the name of a field
SIGN_IN = f"{ROOT}sign-in"

KEPT = frozenset(
    {
        "account",
        "connection",
        "error",
        "host",
        "id",
        "job",
        "kind",
        "mps",
        "newest",
        "oldest",
        "rate",
        "recipient",
        "reference",
        "send_at",
        "sender",
        "sender_mps",
        "since",
    }
    | {"state", "to", "type", "unit", "until", "what"}
)
"""Fields of forms that the audit keeps beside the reason; texts and files are not among them."""

NUMBERS = frozenset({"recipient", "sender", "to"})
"""Those that hold numbers, however they are typed."""
_PIECE = re.compile(r"\{\w+\}")

Handler = Callable[[Visit], Awaitable[web.StreamResponse]]
Again = Callable[[Visit, RequestError | AdmissionError], Awaitable[web.Response]]
Way = Callable[[web.BaseRequest, Mapping[str, str]], Awaitable[web.StreamResponse]]


class Route(NamedTuple):
    """A method of a path, and what answers it."""

    method: str
    path: str
    door: Way


class Gate:
    """Stands before every page but the one to sign in. What is refused is told as a page."""

    def __init__(self, sessions: Sessions, pages: Pages, audit: Audit, *, public_url: str) -> None:
        self._sessions = sessions
        self._pages = pages
        self._audit = audit
        self._public_url = public_url

    def get(self, path: str, handler: Handler, *, needs: Role = Role.VIEWER, deed: str = "") -> list[Route]:
        """Return the routes of a page: looking at it changes nothing. With `deed` it is noted who did."""
        door = self._guarded(handler, needs, deed)
        return [Route("GET", path, door), Route("HEAD", path, door)]

    def post(
        self,
        path: str,
        handler: Handler,
        *,
        needs: Role = Role.OPERATOR,
        noted: bool = True,
        again: Again | None = None,
    ) -> list[Route]:
        """Return the route of a form, which must come from a page of ours and bring the session's token.

        What it asks for is noted before it is done, unless it concerns nobody but the person. What cannot be done
        is told as a page, by `again` where the form is to be shown as it was filled in.
        """
        return [Route("POST", path, self._guarded(handler, needs, _deed(path) if noted else "", again))]

    def open(self, door: Way) -> Way:
        """Return a door that anybody may go through; what it raises is told as a page."""

        async def enter(request: web.BaseRequest, pieces: Mapping[str, str]) -> web.StreamResponse:
            try:
                return await door(request, pieces)
            except (RequestError, AdmissionError) as error:
                return await self.refused(request, None, error)

        return enter

    def _guarded(self, handler: Handler, needs: Role, deed: str, again: Again | None = None) -> Way:
        async def enter(request: web.BaseRequest, pieces: Mapping[str, str]) -> web.StreamResponse:
            session: Session | None = None
            try:
                if request.method == "POST":
                    check_origin(request, public_url=self._public_url)
                session = await self._sessions.find(request.cookies.get(COOKIE, ""))
                if session is None:
                    return _sign_in_first(request)
                visit = await _visit(request, pieces, session)
                if not visit.operator.may(needs):
                    await self._refuse(visit, deed, needs)
                try:
                    async with self._audit.of(_noted(visit, deed)) if deed else nullcontext():
                        return await handler(visit)
                except (RequestError, AdmissionError) as error:
                    if again is None:
                        raise
                    return await again(visit, error)
            except (RequestError, AdmissionError) as error:
                return await self.refused(request, session, error)

        return enter

    async def _refuse(self, visit: Visit, deed: str, needs: Role) -> NoReturn:
        error = ForAdministrators(f"this takes the role {needs}")
        if deed:
            await self._audit.note(replace(_noted(visit, deed), refused=error.detail))
        raise error

    async def refused(
        self, request: web.BaseRequest, session: Session | None, error: RequestError | AdmissionError
    ) -> web.Response:
        """Return the page that says what was wrong."""
        answer = problem(error)
        headers = {name: answer.headers[name] for name in ("Retry-After",) if name in answer.headers}
        shown: dict[str, Any] = {"theme": theme_of(request), "visit": None, "path": ROOT, "token": ""}
        if session is not None:
            visit = Visit(request=request, operator=session.operator, token=session.token)
            shown |= {"visit": visit, "token": visit.token}
        return await self._pages.bare(
            "refused.html",
            status=answer.status,
            headers=headers,
            code=answer.status,
            detail=error.detail,
            **shown,
        )


async def _visit(request: web.BaseRequest, pieces: Mapping[str, str], session: Session) -> Visit:
    form = Form()
    if request.method == "POST":
        form = await read_form(request)
        if not is_token(form, session.token):
            raise NotPermitted("this form is too old: go back, load its page again, and repeat what you did")
    return Visit(request=request, operator=session.operator, token=session.token, pieces=pieces, form=form)


def _deed(path: str) -> str:
    """Return what a form does, in the words of its path."""
    return " ".join(word for word in path.removeprefix(ROOT).split("/") if not _PIECE.fullmatch(word))


def _noted(visit: Visit, deed: str) -> Deed:
    details = {name: visit.form.text(name) for name in sorted(KEPT & visit.form.fields.keys())}
    details = {name: _masked(text) if name in NUMBERS else text for name, text in details.items() if text}
    subject, *rest = [unquote(piece) for piece in visit.pieces.values()] or [
        details.get("id") or details.get("account", "")
    ]
    return Deed(
        operator=visit.operator.name,
        door=Door.CONSOLE,
        action=deed,
        subject=subject,
        reason=visit.form.text("reason"),
        details={**details, **({"part": rest[0]} if rest else {})},
    )


def _masked(text: str) -> str:
    """Return numbers as they may be kept, of several each."""
    return ", ".join(mask(one.strip()) for one in text.replace(",", "\n").splitlines() if one.strip())


def is_token(form: Form, token: str) -> bool:
    """Say whether a form brought the token along; it takes as long to find out that it did not."""
    given = form.fields.get(TOKEN, "").encode(errors="replace")
    return hmac.compare_digest(given, token.encode())


def _sign_in_first(request: web.BaseRequest) -> web.Response:
    """Lead to the sign-in page, and from there back; scripts are told, since they can sign nobody in."""
    if request.headers.get("Sec-Fetch-Mode", "navigate") != "navigate":
        return web.Response(status=401, headers=PRIVATE)
    if request.method == "POST" or request.rel_url.raw_path_qs == ROOT:
        return go_to(SIGN_IN)
    return go_to(f"{SIGN_IN}?next={quote(request.rel_url.raw_path_qs, safe='')}")
