"""After a form: lead on to a page that can be loaded again, and have it say what was done."""

from collections.abc import Awaitable, Callable
from urllib.parse import urlencode

from aiohttp import web

from broker.console.pages import go_to
from broker.console.visit import Visit
from broker.domain.ids import is_id
from broker.errors import QueueAway
from broker.services.outcomes import Outcomes

NAME = "done"
"""What the number of a sentence is called in an address."""

Page = Callable[[Visit, str], Awaitable[web.Response]]


class Said:
    """Keeps what came of forms, a sentence each, for who sent them."""

    def __init__(self, outcomes: Outcomes) -> None:
        self._outcomes = outcomes

    async def lead(self, visit: Visit, path: str, text: str, page: Page) -> web.Response:
        """Lead to a page that says a sentence; where it cannot be kept, `page` is answered with it at once."""
        try:
            number = await self._outcomes.say(visit.operator.name, text)
        except QueueAway:
            return await page(visit, text)
        address, _, fragment = path.partition("#")
        joint = "&" if "?" in address else "?"
        return go_to(f"{address}{joint}{urlencode({NAME: number})}{'#' if fragment else ''}{fragment}")

    async def of(self, visit: Visit) -> str:
        """Return the sentence that a page's address names; empty where it names none that is kept."""
        number = visit.query.get(NAME, "")
        return await self._outcomes.said(visit.operator.name, number) if is_id(number) else ""
