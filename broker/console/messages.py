"""The list of messages: filters in the address, so that a view can be sent to somebody else."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from urllib.parse import quote, urlencode

from aiohttp import web

from broker.console.gate import Gate, Route
from broker.console.pages import Pages, go_to
from broker.console.visit import ROOT, Visit
from broker.domain.address import with_plus
from broker.domain.folder import Counter
from broker.domain.ids import is_id, new_id
from broker.domain.message import Direction
from broker.domain.search import Found, Search
from broker.domain.status import ENDS, Status
from broker.errors import InvalidField
from broker.services.browse import Browse
from broker.services.overview import BAD
from broker.services.sql import AsyncSql
from broker.storage import views

LIST = f"{ROOT}messages"
_LONGEST = 255
_LONGEST_CAUSE = 2000
NO_CAUSE = "none"
"""How an address says that no reason was given."""
_FILTERS = (
    "q",
    "direction",
    "status",
    "account",
    "connection",
    "counter",
    "address",
    "cause",
    "since",
    "until",
    "cursor",
)
GROUPS: Mapping[str, tuple[Status, ...]] = {
    "bad": BAD,
    "good": (Status.DELIVERED, Status.READ),
    "carrier": (Status.SUBMITTED, Status.RELAYED),
    "open": tuple(
        status for status in Status if status not in ENDS and status not in (Status.SUBMITTED, Status.RELAYED)
    ),
}
"""Several states under one word."""


class Messages:
    """Lists messages of all accounts, newest first."""

    def __init__(self, pages: Pages, browse: Browse, sql: AsyncSql) -> None:
        self._pages = pages
        self._browse = browse
        self._sql = sql

    def routes(self, gate: Gate) -> list[Route]:
        """Return what leads here."""
        return gate.get(LIST, self.show)

    async def show(self, visit: Visit) -> web.Response:
        """Answer `GET /console/messages`."""
        asked = asked_of(visit.query)
        if name := asked.get("q"):
            address = with_plus(name)
            if not address.startswith("+"):
                ids = await self._browse.named(name)
                if len(ids) == 1:
                    return go_to(f"{LIST}/{quote(ids[0], safe='')}")
                return await self._named(visit, name, ids)
            asked = {**asked, "address": address}
            del asked["q"]
        found = await self._browse.page(search_of(asked))
        return await self._list(visit, asked, found)

    async def _named(self, visit: Visit, name: str, ids: list[str]) -> web.Response:
        rows = [(await self._browse.one(one)).record.message for one in ids]
        return await self._list(visit, {"q": name}, Found(messages=tuple(rows)))

    async def _list(self, visit: Visit, asked: Mapping[str, str], found: Found) -> web.Response:
        kept = {name: value for name, value in asked.items() if name != "cursor"}
        older = f"{LIST}?{urlencode({**kept, 'cursor': found.older})}" if found.older else ""
        return await self._pages.show(
            visit,
            "messages.html",
            found=found,
            asked=asked,
            older=older,
            newest=f"{LIST}?{urlencode(kept)}" if "cursor" in asked else "",
            live=_live(kept, found) if "cursor" not in asked and "q" not in asked else "",
            statuses=list(Status),
            groups=list(GROUPS),
            counters=list(Counter),
            query=urlencode(kept),
            views=await self._sql.read(partial(views.mine, operator=visit.operator.name)),
        )


def asked_of(query: Mapping[str, str]) -> dict[str, str]:
    """Return those fields of a query that are filters of the list."""
    longest = {"cause": _LONGEST_CAUSE}
    return {name: query[name][: longest.get(name, _LONGEST)] for name in _FILTERS if query.get(name)}


def search_of(asked: Mapping[str, str]) -> Search:
    """Return the search that the fields of a query stand for.

    Raises:
        InvalidField: one of them cannot be used.
    """
    cause = asked.get("cause")
    search = Search(
        account=asked.get("account", ""),
        connection=asked.get("connection", ""),
        cause="" if cause == NO_CAUSE else cause,
    )
    try:
        if direction := asked.get("direction"):
            search = replace(search, direction=Direction(direction))
        if status := asked.get("status"):
            search = replace(search, statuses=GROUPS.get(status) or (Status(status),))
        if counter := asked.get("counter"):
            search = replace(search, counter=Counter(counter))
        if address := asked.get("address"):
            search = replace(search, address=with_plus(address.replace(" ", "")))
        search = replace(search, since=_moment(asked.get("since")), until=_moment(asked.get("until")))
    except ValueError as error:
        raise InvalidField("a filter has a value that cannot be used") from error
    if cursor := asked.get("cursor"):
        if not is_id(cursor):
            raise InvalidField("the page is not one of this list")
        search = replace(search, cursor=cursor)
    return search


def _live(kept: Mapping[str, str], found: Found) -> str:
    """Return where the stream is that tells what is newer than a page of the list."""
    than = found.messages[0].id if found.messages else new_id()
    return f"{ROOT}messages-live?{urlencode({**kept, 'than': than})}"


def _moment(text: str | None) -> datetime | None:
    """Return a time as browsers' fields for it say it, in UTC."""
    if not text:
        return None
    found = datetime.fromisoformat(text)
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found
