"""Dead letters: what broke its takes, grouped by cause; put back or discard with a reason."""

from collections import defaultdict
from urllib.parse import urlencode

from aiohttp import web

from broker.console.callbacks import MOST_RATE
from broker.console.gate import Gate, Route
from broker.console.pages import Pages
from broker.console.visit import ROOT, Visit
from broker.domain.dead import Letter, Letters, Standing
from broker.domain.ids import is_id
from broker.errors import InvalidField
from broker.log import get_logger
from broker.services.letters import DeadLetters

LIST = f"{ROOT}dead-letters"
PAGE = 100
LONGEST_REASON = 200

log = get_logger()


class DeadLetterPages:
    """Lists dead letters, and lets operators say what is to become of each."""

    def __init__(self, pages: Pages, letters: DeadLetters) -> None:
        self._pages = pages
        self._letters = letters

    def routes(self, gate: Gate) -> list[Route]:
        """Return what leads here."""
        return [*gate.get(LIST, self.show), *gate.post(f"{LIST}/settle", self.settle)]

    async def show(self, visit: Visit, done: str = "") -> web.Response:
        """Answer `GET /console/dead-letters`."""
        cursor = "" if done else visit.query.get("cursor", "")
        if cursor and not is_id(cursor):
            raise InvalidField("the page is not one of this list")
        rows, last = await self._letters.page(Letters(), after=cursor or None, limit=PAGE)
        groups: dict[tuple[str, str, str], list[Letter]] = defaultdict(list)
        for row in rows:
            groups[row.kind, row.error, row.connection or ""].append(row)
        older = f"{LIST}?{urlencode({'cursor': last})}" if last else ""
        return await self._pages.show(visit, "letters.html", groups=dict(groups), older=older, done=done)

    async def settle(self, visit: Visit) -> web.Response:
        """Answer `POST /console/dead-letters/settle`: one letter, or all that are parked."""
        wanted = {"put back": Standing.PUT_BACK, "discard": Standing.DISCARDED}.get(visit.form.text("what"))
        one, reason = visit.form.text("id"), visit.form.text("reason")
        if wanted is None or not is_id(one):
            raise InvalidField("say which letter is meant, and what is to become of it")
        if not reason or len(reason) > LONGEST_REASON:
            raise InvalidField(f"say why, in at most {LONGEST_REASON} characters")
        by = visit.operator.name
        done = await self._letters.settle(
            Letters(id=one), wanted=wanted, rate=MOST_RATE, by=by, reason=reason
        )
        log.info("dead_letters_settled", operator=by, wanted=wanted, letters=done.count)
        return await self.show(
            visit, done=f"{done.count} on its way" if done.count else "nothing was parked under that id"
        )
