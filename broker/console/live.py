"""Tell open pages that what they show has changed: small streams, which take up again where they broke off."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from hashlib import blake2b

from aiohttp import web

from broker.console.badges import Badges
from broker.console.gate import COOKIE, Gate, Route
from broker.console.headers import PRIVATE
from broker.console.messages import asked_of, search_of
from broker.console.visit import ROOT, Visit
from broker.dialects.native.overview import DEFAULT
from broker.domain.ids import is_id
from broker.errors import AdmissionError, Busy, InvalidField
from broker.services.browse import Browse
from broker.services.overview import WINDOWS, Glance, View
from broker.services.sessions import Sessions

STREAM = f"{ROOT}live"
NEWS = f"{ROOT}messages-live"
HERE = f"{ROOT}here"
BADGES = f"{ROOT}badges"
EVERY_S = 1.0
HEARTBEATS = 15
"""Looks without news before a line that says nothing, so that a dead connection is noticed."""
LIFE = 900
"""Looks of one stream: the browser then asks for another by itself."""
MOST = 100
"""Most streams of a process."""

_HEADERS = {**PRIVATE, "Content-Type": "text/event-stream; charset=utf-8", "X-Accel-Buffering": "no"}


class Live:
    """Streams of server-sent events. An event's id names what was to be seen: who has seen that is told nothing."""

    def __init__(
        self,
        glance: Glance,
        browse: Browse,
        badges: Badges,
        sessions: Sessions,
        *,
        leaving: Callable[[], bool],
    ) -> None:
        self._glance = glance
        self._badges = badges
        self._browse = browse
        self._sessions = sessions
        self._leaving = leaving
        self._open = 0

    def routes(self, gate: Gate) -> list[Route]:
        """Return what leads here; a HEAD has no stream."""
        return [
            *gate.get(STREAM, self.stream)[:1],
            *gate.get(NEWS, self.news)[:1],
            *gate.get(HERE, self.here),
            *gate.get(BADGES, self.badges),
        ]

    async def badges(self, visit: Visit) -> web.Response:  # noqa: ARG002  # everybody sees the same
        """Answer `GET /console/badges`, for pages without a stream; it keeps nobody signed in for longer."""
        headers = {**PRIVATE, "Content-Type": "application/json"}
        return web.Response(body=await self._badges.told(), headers=headers)

    async def here(self, visit: Visit) -> web.Response:  # noqa: ARG002  # that there is one is the answer
        """Answer `GET /console/here`: whoever is not signed in any more gets a 401, as every script does."""
        return web.Response(status=204, headers=PRIVATE)

    async def stream(self, visit: Visit) -> web.StreamResponse:
        """Answer `GET /console/live`."""
        asked = visit.query.get("window", DEFAULT)
        window = asked if asked in WINDOWS else DEFAULT

        async def look() -> tuple[str, str]:
            return mark(await self._glance.look(window)), window

        return await self.tell(visit, "changed", look)

    async def news(self, visit: Visit) -> web.StreamResponse:
        """Answer `GET /console/messages-live`: how many messages of a list are newer than the one named by `than`."""
        than = visit.query.get("than", "")
        if than and not is_id(than):
            raise InvalidField("the list does not begin with a message")
        search = search_of(asked_of(visit.query))

        async def look() -> tuple[str, str]:
            number = str(await self._browse.newer(search, than))
            return number, number

        return await self.tell(visit, "new", look, seen="0")

    async def tell(
        self, visit: Visit, kind: str, look: Callable[[], Awaitable[tuple[str, str]]], *, seen: str = ""
    ) -> web.StreamResponse:
        """Answer with a stream: `look` returns a name for what there is to see, and what is told of it."""
        if self._open >= MOST:
            raise Busy("too many pages are open")
        seen = visit.request.headers.get("Last-Event-ID", seen)
        answer = web.StreamResponse(headers=_HEADERS)
        self._open += 1
        try:
            await answer.prepare(visit.request)
            await answer.write(b"retry: 3000\n\n")
            # Nobody listens any more; or something is away: the stream ends, there is no second answer in it.
            with suppress(ConnectionResetError, AdmissionError):
                await self._tell(visit, answer, kind, look, seen)
        finally:
            self._open -= 1
        return answer

    async def _tell(
        self,
        visit: Visit,
        answer: web.StreamResponse,
        kind: str,
        look: Callable[[], Awaitable[tuple[str, str]]],
        seen: str,
    ) -> None:
        quiet, known = 0, b""
        for _ in range(LIFE):
            if self._leaving() or visit.request.transport is None:  # nobody listens any more
                return
            if await self._sessions.find(visit.request.cookies.get(COOKIE, "")) is None:
                return
            now, told = await look()
            badges = await self._told(known)
            quiet += 1
            if badges != known:  # at first always: nobody knows how old the page is
                # Without an id: what was seen of the page itself stands.
                await answer.write(b"event: badges\ndata: " + badges + b"\n\n")
                known, quiet = badges, 0
            if now != seen:
                await answer.write(f"id: {now}\nevent: {kind}\ndata: {told}\n\n".encode())
                seen, quiet = now, 0
            elif quiet >= HEARTBEATS:
                await answer.write(b":\n\n")
                quiet = 0
            await asyncio.sleep(EVERY_S)

    async def _told(self, known: bytes) -> bytes:
        """Return what badges say; while nobody can say, what is known stands."""
        try:
            return await self._badges.told()
        except AdmissionError:
            return known


def mark(view: View) -> str:
    """Return a name for what a view shows; ages that grow by themselves are left out."""
    shown = (
        sorted(view.stock.counts.items()),
        view.causes,
        view.points[-1].made,
        view.points[-1].bad,
        view.letters,
        view.troubles,
    )
    rates = (view.beat.flow, view.beat.sent, view.beat.latency[-1][1])
    depth = sorted((str(queue), state, number) for (queue, state), number in view.census.depth.items())
    return blake2b(repr((shown, rates, depth)).encode(), digest_size=12).hexdigest()
