"""Callbacks: endpoints and how they stand, what is behind each number, and what was not told told again."""

import math
from collections.abc import Mapping, Sequence
from urllib.parse import urlencode

from aiohttp import web

from broker.console.gate import Gate, Route
from broker.console.message_forms import reason_of
from broker.console.pages import Pages
from broker.console.said import Said
from broker.console.visit import ROOT, Visit
from broker.domain.callback import CallbackState, Told, Untold
from broker.domain.ids import is_id
from broker.domain.operator import Role
from broker.errors import InvalidField
from broker.keyspace.backlog import Backlog
from broker.log import get_logger
from broker.services.endpoints import Endpoints
from broker.services.replay import Replay, Replayed

LIST = f"{ROOT}callbacks"
AGAIN = f"{LIST}/again"
PAGE = 50
MOST_RATE = 1000.0
MOST_AGAIN = 100_000
"""Most callbacks that one form has told again."""
VIEWS: Mapping[str, str] = {
    "": "given up and held",
    "given_up": "given up",
    "held": "held",
    "owed": "owed",
    "told": "told",
}
_LONGEST = 400
_UNTOLD = (CallbackState.GIVEN_UP, CallbackState.HELD)

log = get_logger()


class Callbacks:
    """Shows endpoints and callbacks, and has those told again that were not told."""

    def __init__(
        self, pages: Pages, endpoints: Endpoints, replay: Replay, backlog: Backlog, said: Said
    ) -> None:
        self._pages = pages
        self._endpoints = endpoints
        self._replay = replay
        self._backlog = backlog
        self._said = said

    def routes(self, gate: Gate) -> list[Route]:
        """Return what leads here."""
        return [
            *gate.get(LIST, self.show),
            *gate.get(AGAIN, self.ask, needs=Role.OPERATOR),
            *gate.post(f"{LIST}/replay", self.again),
        ]

    async def show(self, visit: Visit, done: str = "") -> web.Response:
        """Answer `GET /console/callbacks`."""
        asked = {} if done else _asked(visit.query)
        view, account = asked.get("show", ""), asked.get("account", "")
        rows, older = await self._rows(asked, "" if done else visit.query.get("cursor", ""))
        after = "" if done else visit.query.get("after", "")[:_LONGEST]
        standings, further = await self._endpoints.page(account=account, after=after)
        kept = {name: asked[name] for name in ("account",) if name in asked}
        return await self._pages.show(
            visit,
            "callbacks.html",
            rows=rows,
            older=f"{LIST}?{urlencode({**asked, 'cursor': older})}#list" if older else "",
            endpoints=standings,
            further=f"{LIST}?{urlencode({**kept, 'after': further})}#endpoints" if further else "",
            asked=asked,
            view=view,
            views=VIEWS,
            again=f"{AGAIN}?{urlencode(asked)}" if view in ("", *_UNTOLD) else "",
            figures=(await self._backlog.census()).figures,
            done=done or await self._said.of(visit),
        )

    async def _rows(self, asked: Mapping[str, str], cursor: str) -> tuple[Sequence[Told], str]:
        """Return what a list shows, and where it goes on."""
        if cursor and not is_id(cursor.partition("_")[0]):
            raise InvalidField("the page is not one of this list")
        view, account, name = asked.get("show", ""), asked.get("account", ""), _name(asked)
        if view == CallbackState.OWED and name:
            return await self._endpoints.owed(name, limit=PAGE), ""
        if view in (CallbackState.OWED, CallbackState.TOLD):
            state = CallbackState(view)
            return await self._endpoints.newest(state, account=account, name=name, before=cursor, limit=PAGE)
        found, last = await self._replay.page(_untold(asked, view), after=cursor or None, limit=PAGE)
        return [Told(callback=one, tries=0) for one in found], last or ""

    async def ask(self, visit: Visit) -> web.Response:
        """Answer `GET /console/callbacks/again`: how many would be told again, and what that means."""
        asked = _asked(visit.query)
        number = await self._replay.number(_untold(asked, asked.get("show", "")), most=MOST_AGAIN)
        return await self._pages.show(
            visit, "callbacks_again.html", asked=asked, views=VIEWS, number=number, most=MOST_AGAIN
        )

    async def again(self, visit: Visit) -> web.Response:
        """Answer `POST /console/callbacks/replay`."""
        form = visit.form
        rate = number_of(form.text("rate"), most=MOST_RATE)
        reason_of(form)
        state, asked = form.text("state"), _asked({**form.fields, "show": ""})
        which = _untold(asked, state)
        if await self._replay.number(which, most=MOST_AGAIN) > MOST_AGAIN:
            raise InvalidField(f"those are more than {MOST_AGAIN:,}: say which state, account or endpoint")
        found = await self._replay.again(which, rate=rate)
        log.info("callbacks_replayed", operator=visit.operator.name, callbacks=found.count, rate=rate)
        return await self._said.lead(visit, LIST, _told(found), self.show)


def _asked(source: Mapping[str, str]) -> dict[str, str]:
    """Return what a list is narrowed by; raises InvalidField where there is no such thing."""
    found = {name: source.get(name, "").strip()[:_LONGEST] for name in ("show", "account", "host")}
    if found["show"] not in VIEWS:
        raise InvalidField("there is no such state")
    if found["host"] and not found["account"]:
        raise InvalidField("say whose endpoint")
    return {name: text for name, text in found.items() if text}


def _name(asked: Mapping[str, str]) -> str:
    """Return the name of the endpoint that is meant; empty: any."""
    return f"{asked['account']} {asked['host']}" if "host" in asked else ""


def _untold(asked: Mapping[str, str], state: str) -> Untold:
    """Return which callbacks that were not told are meant."""
    if state not in ("", *_UNTOLD):
        raise InvalidField("there is no such state")
    return Untold(
        states=(CallbackState(state),) if state else _UNTOLD,
        account=asked.get("account"),
        endpoint=_name(asked) or None,
    )


def _told(found: Replayed) -> str:
    words = f"{found.count:,} callbacks are owed again" if found.count != 1 else "1 callback is owed again"
    if found.count > 1:
        words += f", the last of them from {found.until:%Y-%m-%d %H:%M:%S} UTC on"
    return words if found.whole else f"{words}; the others are as they were, since SQL went away"


def number_of(text: str, *, most: float) -> float:
    """Return a rate that somebody typed.

    Raises:
        InvalidField: it is none, or too high.
    """
    try:
        rate = float(text)
    except ValueError:
        rate = math.nan
    if not 0 < rate <= most:
        raise InvalidField(f"the rate must be a number above 0, at most {most:g}")
    return rate
