"""Dead letters by cause: one put back or discarded, or all of a cause at a rate, which can be stopped."""

from collections.abc import Mapping
from datetime import UTC, datetime
from urllib.parse import urlencode

from aiohttp import web

from broker.console.callbacks import MOST_RATE, number_of
from broker.console.gate import Gate, Route
from broker.console.message_forms import reason_of
from broker.console.numbers import moment
from broker.console.pages import Pages
from broker.console.said import Said
from broker.console.visit import ROOT, Visit
from broker.domain.dead import LOST, Kind, Letters, Standing
from broker.domain.ids import is_id
from broker.domain.operator import Role
from broker.domain.remedy import remedy
from broker.errors import InvalidField
from broker.log import get_logger
from broker.services.letters import DeadLetters

LIST = f"{ROOT}dead-letters"
PAGE = 100
MOST_GROUPS = 50
WANTED = {"put back": Standing.PUT_BACK, "discard": Standing.DISCARDED}
NO_CONNECTION = "-"
"""How an address says that the letters of no connection are meant."""
_CAUSE = ("kind", "error", "connection")

log = get_logger()


class DeadLetterPages:
    """Lists dead letters, and lets operators say what is to become of them."""

    def __init__(self, pages: Pages, letters: DeadLetters, said: Said) -> None:
        self._pages = pages
        self._letters = letters
        self._said = said

    def routes(self, gate: Gate) -> list[Route]:
        """Return what leads here."""
        return [
            *gate.get(LIST, self.show),
            *gate.post(f"{LIST}/settle", self.settle),
            *gate.post(f"{LIST}/all", self.settle_all),
            *gate.post(f"{LIST}/stay", self.stay),
        ]

    async def show(self, visit: Visit, done: str = "") -> web.Response:
        """Answer `GET /console/dead-letters`: causes, and the letters of all or of one."""
        asked = {} if done else {name: visit.query[name] for name in _CAUSE if visit.query.get(name)}
        cursor = "" if done else visit.query.get("cursor", "")
        if cursor and not is_id(cursor):
            raise InvalidField("the page is not one of this list")
        rows, last = await self._letters.page(_letters(asked), after=cursor or None, limit=PAGE)
        groups = await self._letters.groups(most=MOST_GROUPS)
        chosen = next((one for one in groups if _cause(one.kind, one.error, one.connection) == asked), None)
        rehearsed = chosen and not cursor and chosen.error != LOST and visit.may(Role.OPERATOR)
        outlook = await self._letters.outlook(_letters(asked)) if rehearsed else None
        return await self._pages.show(
            visit,
            "letters.html",
            rows=rows,
            groups=[(one, _address(one.kind, one.error, one.connection)) for one in groups],
            asked=asked,
            chosen=chosen,
            outlook=outlook,
            remedy=remedy,
            jobs=await self._letters.running(),
            older=f"{LIST}?{urlencode({**asked, 'cursor': last})}" if last else "",
            lost=LOST,
            now=datetime.now(UTC).isoformat(timespec="milliseconds"),
            done=done or await self._said.of(visit),
        )

    async def settle(self, visit: Visit) -> web.Response:
        """Answer `POST /console/dead-letters/settle`: one letter."""
        one = visit.form.text("id")
        if not is_id(one):
            raise InvalidField("say which letter is meant, and what is to become of it")
        count = await self._settle(visit, Letters(id=one), rate=MOST_RATE)
        text = f"{count} on its way" if count else "nothing was parked under that id"
        return await self._said.lead(visit, LIST, text, self.show)

    async def settle_all(self, visit: Visit) -> web.Response:
        """Answer `POST /console/dead-letters/all`: those of a cause that there were when the page was made."""
        form = visit.form
        asked = {name: form.text(name) for name in _CAUSE}
        until = moment(form.text("until"))
        if not all(asked.values()) or until is None:
            raise InvalidField("say which letters are meant")
        which = _letters(asked, until=until)
        if form.text("what") == "discard" and form.text("typed") != form.text("number"):
            raise InvalidField("type how many are to be discarded: what is discarded is gone")
        if form.text("what") == "put back" and form.text("sure") != "yes":
            raise InvalidField("say that some of it may be done twice")
        count = await self._settle(visit, which, rate=number_of(form.text("rate"), most=MOST_RATE))
        return await self._said.lead(visit, LIST, f"{count} letters are on their way", self.show)

    async def stay(self, visit: Visit) -> web.Response:
        """Answer `POST /console/dead-letters/stay`: what has not left yet, of one job or of all, is kept."""
        reason_of(visit.form)
        job = visit.form.text("job")
        count = (await self._letters.stop(job))[0] if job else await self._letters.stay()
        log.info("dead_letters_kept", operator=visit.operator.name, letters=count)
        return await self._said.lead(visit, LIST, f"{count} letters stay here", self.show)

    async def _settle(self, visit: Visit, which: Letters, *, rate: float) -> int:
        wanted, reason = WANTED.get(visit.form.text("what")), reason_of(visit.form)
        if wanted is None:
            raise InvalidField("say what is to become of it")
        by = visit.operator.name
        done = await self._letters.settle(which, wanted=wanted, rate=rate, by=by, reason=reason)
        log.info("dead_letters_settled", operator=by, wanted=wanted, letters=done.count, rate=rate)
        return done.count


def _letters(asked: Mapping[str, str], until: datetime | None = None) -> Letters:
    """Return which letters the fields of a cause mean; raises InvalidField where there is no such kind."""
    kind, connection = asked.get("kind"), asked.get("connection")
    if kind and kind not in set(Kind):
        raise InvalidField("there is no such kind")
    return Letters(
        kind=Kind(kind) if kind else None,
        error=asked.get("error"),
        connection="" if connection == NO_CONNECTION else connection,
        until=until,
    )


def _cause(kind: Kind, error: str, connection: str | None) -> dict[str, str]:
    return {"kind": str(kind), "error": error, "connection": connection or NO_CONNECTION}


def _address(kind: Kind, error: str, connection: str | None) -> str:
    return f"{LIST}?{urlencode(_cause(kind, error, connection))}"
