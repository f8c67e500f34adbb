"""The pages that say what an error means and what to do: one for each, and a list of all."""

from collections.abc import Mapping
from urllib.parse import quote, urlencode

from aiohttp import web

from broker.console.gate import Gate, Route
from broker.console.messages import LIST as MESSAGES
from broker.console.pages import Pages
from broker.console.visit import Visit
from broker.console.words import ERRORS, cause_place
from broker.domain.cause import Cause
from broker.errors import NotFound
from broker.services.catalogue import ANSWER, API, BROKER, DEAD, catalogue

TITLES: Mapping[str, str] = {
    BROKER: "Said by us",
    ANSWER: "HTTP answers of carriers",
    API: "Requests refused",
    DEAD: "Work set aside",
}


class Causes:
    """Shows causes by source and code."""

    def __init__(self, pages: Pages) -> None:
        self._pages = pages

    def routes(self, gate: Gate) -> list[Route]:
        """Return what leads here."""
        return [*gate.get(ERRORS, self.show), *gate.get(f"{ERRORS}/{{source}}/{{code}}", self.one)]

    async def show(self, visit: Visit) -> web.Response:
        """Answer `GET /console/errors`."""
        sources = [
            (_title(name), [(one, cause_place(name, one.code)) for one in causes.values()])
            for name, causes in catalogue().items()
        ]
        return await self._pages.show(visit, "errors.html", sources=sources)

    async def one(self, visit: Visit) -> web.Response:
        """Answer `GET /console/errors/{source}/{code}`."""
        source, code = visit.pieces["source"], visit.pieces["code"]
        cause = catalogue().get(source, {}).get(code)
        if cause is None:
            raise NotFound("there is no such error")
        return await self._pages.show(
            visit, "error.html", cause=cause, title=_title(source), found=_found(source, cause)
        )


def _title(source: str) -> str:
    return TITLES.get(source, f"Codes of {source}")


def _found(source: str, cause: Cause) -> str:
    """Return where the messages, or the letters, are that have this cause; empty where no list has them."""
    if source == DEAD:
        return "/console/dead-letters"
    if source == API or (source == BROKER and cause.text.endswith("*")):
        return ""
    asked = {"cause": cause.text} if source == BROKER else {"error": cause.code}
    return f"{MESSAGES}?{urlencode(asked, quote_via=quote)}"
