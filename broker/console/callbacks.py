"""What customers were not told: given up or held, and told again when somebody says so."""

import math
from urllib.parse import urlencode

from aiohttp import web

from broker.console.gate import Gate, Route
from broker.console.pages import Pages
from broker.console.visit import ROOT, Visit
from broker.domain.callback import CallbackState, Untold
from broker.domain.ids import is_id
from broker.errors import InvalidField
from broker.keyspace.backlog import Backlog
from broker.log import get_logger
from broker.services.replay import Replay

LIST = f"{ROOT}callbacks"
PAGE = 50
MOST_RATE = 1000.0

log = get_logger()


class Callbacks:
    """Lists callbacks that were not told, and has them told again."""

    def __init__(self, pages: Pages, replay: Replay, backlog: Backlog) -> None:
        self._pages = pages
        self._replay = replay
        self._backlog = backlog

    def routes(self, gate: Gate) -> list[Route]:
        """Return what leads here."""
        return [*gate.get(LIST, self.show), *gate.post(f"{LIST}/replay", self.again)]

    async def show(self, visit: Visit, done: str = "") -> web.Response:
        """Answer `GET /console/callbacks`."""
        source = visit.form.fields if done else visit.query
        account, cursor = source.get("account", ""), source.get("cursor", "")
        if cursor and not is_id(cursor.partition("_")[0]):
            raise InvalidField("the page is not one of this list")
        rows, last = await self._replay.page(
            Untold(account=account or None), after=cursor or None, limit=PAGE
        )
        older = f"{LIST}?{urlencode({'account': account, 'cursor': last})}" if last else ""
        return await self._pages.show(
            visit,
            "callbacks.html",
            rows=rows,
            older=older,
            account=account,
            figures=(await self._backlog.census()).figures,
            done=done,
        )

    async def again(self, visit: Visit) -> web.Response:
        """Answer `POST /console/callbacks/replay`."""
        rate = number_of(visit.form.text("rate"), most=MOST_RATE)
        state, account = visit.form.text("state"), visit.form.text("account")
        if state not in ("", CallbackState.GIVEN_UP, CallbackState.HELD):
            raise InvalidField("there is no such state")
        which = Untold(account=account or None)
        if state:
            which = Untold(account=account or None, states=(CallbackState(state),))
        found = await self._replay.again(which, rate=rate)
        log.info("callbacks_replayed", operator=visit.operator.name, callbacks=found.count, rate=rate)
        return await self.show(visit, done=f"{found.count} callbacks are owed again")


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
