"""Sign in and out, and choose light or dark."""

import secrets
from collections.abc import Mapping
from contextlib import suppress

from aiohttp import web

from broker.console.forms import check_origin, read_form
from broker.console.gate import COOKIE, SIGN_IN, Gate, Route, is_token
from broker.console.pages import Pages, go_to
from broker.console.visit import ROOT, THEME_COOKIE, THEMES, Visit, theme_of, within
from broker.dialects.base import Credentials
from broker.domain.deed import Deed, Door
from broker.domain.operator import Role
from broker.errors import AuthenticationFailed, Busy, NotPermitted, TooManyGuesses
from broker.log import get_logger
from broker.services.audit import Audit
from broker.services.sessions import Sessions

DOOR_COOKIE = "ringpost-door"
"""What the sign-in form's token belongs to, before there is a session."""
YEAR_S = 365 * 24 * 3600

log = get_logger()


class Entrance:
    """The pages that lead in and out."""

    def __init__(self, sessions: Sessions, pages: Pages, audit: Audit, *, public_url: str) -> None:
        self._sessions = sessions
        self._pages = pages
        self._audit = audit
        self._public_url = public_url

    def routes(self, gate: Gate) -> list[Route]:
        """Return what leads here."""
        ask, enter = gate.open(self.ask), gate.open(self.enter)
        return [
            Route("GET", SIGN_IN, ask),
            Route("HEAD", SIGN_IN, ask),
            Route("POST", SIGN_IN, enter),
            *gate.post(f"{ROOT}sign-out", self.leave, needs=Role.VIEWER, noted=False),
            *gate.post(f"{ROOT}theme", self.paint, needs=Role.VIEWER, noted=False),
        ]

    async def ask(self, request: web.BaseRequest, pieces: Mapping[str, str]) -> web.Response:  # noqa: ARG002
        """Answer `GET /console/sign-in`."""
        return await self._form(request, onwards=within(request.query.get("next", ROOT)))

    async def enter(self, request: web.BaseRequest, pieces: Mapping[str, str]) -> web.Response:  # noqa: ARG002
        """Answer `POST /console/sign-in`."""
        check_origin(request, public_url=self._public_url)
        form = await read_form(request)
        onwards = within(form.text("next"))
        door = request.cookies.get(DOOR_COOKIE, "")
        if not door or not is_token(form, self._sessions.token(door)):
            raise NotPermitted("this form is too old: go back, load its page again, and sign in there")
        name, password = form.text("name"), form.fields.get("password", "")
        try:
            session = await self._sessions.begin(
                Credentials(user=name, password=password), peer=request.remote or ""
            )
        except AuthenticationFailed:
            return await self._form(
                request, onwards=onwards, name=name, wrong="Name or password is wrong.", status=403
            )
        except TooManyGuesses:
            wrong = "Too many wrong passwords came from here. Wait a minute, then try again."
            return await self._form(request, onwards=onwards, name=name, wrong=wrong, status=429)
        log.info("operator_signed_in", operator=session.operator.name)
        await self._audit.note(_came(session.operator.name, "sign in"))
        answer = go_to(onwards)
        self._set(request, answer, COOKIE, session.secret)
        answer.del_cookie(DOOR_COOKIE, path=SIGN_IN)
        return answer

    async def leave(self, visit: Visit) -> web.Response:
        """Answer `POST /console/sign-out`."""
        await self._sessions.end(visit.request.cookies.get(COOKIE, ""))
        log.info("operator_signed_out", operator=visit.operator.name)
        with suppress(Busy):  # whoever wants to be out is out, also where SQL is away
            await self._audit.note(_came(visit.operator.name, "sign out"))
        answer = go_to(SIGN_IN)
        answer.del_cookie(COOKIE, path=ROOT)
        return answer

    async def paint(self, visit: Visit) -> web.Response:
        """Answer `POST /console/theme`."""
        answer = go_to(within(visit.form.text("back")))
        theme = visit.form.text("theme")
        if theme in THEMES:
            self._set(visit.request, answer, THEME_COOKIE, theme, max_age=YEAR_S)
        else:
            answer.del_cookie(THEME_COOKIE, path=ROOT)
        return answer

    async def _form(
        self, request: web.BaseRequest, *, onwards: str, name: str = "", wrong: str = "", status: int = 200
    ) -> web.Response:
        door = request.cookies.get(DOOR_COOKIE, "") or secrets.token_urlsafe(16)
        page = await self._pages.bare(
            "sign_in.html",
            status=status,
            visit=None,
            theme=theme_of(request),
            token=self._sessions.token(door),
            onwards=onwards,
            name=name,
            wrong=wrong,
        )
        self._set(request, page, DOOR_COOKIE, door, path=SIGN_IN)
        return page

    def _set(
        self,
        request: web.BaseRequest,
        answer: web.Response,
        name: str,
        value: str,
        *,
        path: str = ROOT,
        max_age: int | None = None,
    ) -> None:
        """Set a cookie that no script sees and no other site sends along."""
        secure = request.secure or self._public_url.startswith("https://")
        answer.set_cookie(
            name, value, path=path, max_age=max_age, secure=secure, httponly=True, samesite="Lax"
        )


def _came(operator: str, action: str) -> Deed:
    return Deed(operator=operator, door=Door.CONSOLE, action=action)
