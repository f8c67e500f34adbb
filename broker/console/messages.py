"""The list of messages: filters in the address, so that a view can be sent to somebody else."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Any
from urllib.parse import quote, urlencode

from aiohttp import web

from broker.console.bars import TONES, bars
from broker.console.gate import Gate, Route
from broker.console.pages import Pages, go_to
from broker.console.visit import ROOT, Visit
from broker.domain.address import with_plus
from broker.domain.folder import Counter
from broker.domain.ids import is_id, new_id
from broker.domain.message import Direction
from broker.domain.search import Found, Search, tag_of
from broker.domain.status import ENDS, Status
from broker.errors import InvalidField
from broker.services.browse import Browse
from broker.services.histogram import Histogram
from broker.services.overview import BAD
from broker.services.sql import AsyncSql
from broker.storage import views

LIST = f"{ROOT}messages"
_LONGEST = 255
_LONGEST_CAUSE = 2000
NO_CAUSE = "none"
"""How an address says that no reason was given."""
KINDS: Mapping[str, bool] = {"mms": True, "sms": False}
_FILTERS = (
    "q",
    "direction",
    "status",
    "account",
    "connection",
    "counter",
    "address",
    "kind",
    "tag",
    "error",
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

_READ: Mapping[str, Callable[[str], dict[str, Any]]] = {
    "account": lambda text: {"account": text},
    "connection": lambda text: {"connection": text},
    "cause": lambda text: {"cause": "" if text == NO_CAUSE else text},
    "error": lambda text: {"error": text},
    "cursor": lambda text: {"cursor": text},
    "direction": lambda text: {"direction": Direction(text)},
    "status": lambda text: {"statuses": GROUPS.get(text) or (Status(text),)},
    "counter": lambda text: {"counter": Counter(text)},
    "address": lambda text: {"address": with_plus(text.replace(" ", ""))},
    "kind": lambda text: {"mms": KINDS[text]},
    "tag": lambda text: {"tag": tag_of(text)},
    "since": lambda text: {"since": _moment(text)},
    "until": lambda text: {"until": _moment(text)},
}
"""What each filter makes of its text; a ValueError or a KeyError says that it cannot be used."""


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
        """Answer `GET /console/messages`; with `piece`, only the newest rows of a list, and where its stream is."""
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
        search = search_of(asked)
        found = await self._browse.page(search)
        if "piece" in visit.query:
            return await self._pages.show(visit, "messages_piece.html", **_rows(visit, asked, found))
        history = await self._browse.histogram(search)
        return await self._list(visit, asked, found, history)

    async def _named(self, visit: Visit, name: str, ids: list[str]) -> web.Response:
        rows = [(await self._browse.one(one)).record.message for one in ids]
        return await self._list(visit, {"q": name}, Found(messages=tuple(rows)))

    async def _list(
        self, visit: Visit, asked: Mapping[str, str], found: Found, history: Histogram | None = None
    ) -> web.Response:
        kept = _kept(asked)
        return await self._pages.show(
            visit,
            "messages.html",
            **_rows(visit, asked, found),
            asked=asked,
            statuses=list(Status),
            groups=list(GROUPS),
            counters=list(Counter),
            query=urlencode(kept),
            history=history,
            bars=bars(history, partial(_between, kept, search_of(kept)))
            if history and history.number
            else [],
            tones=TONES,
            views=await self._sql.read(partial(views.mine, operator=visit.operator.name)),
        )


def asked_of(query: Mapping[str, str]) -> dict[str, str]:
    """Return those fields of a query that are filters of the list."""
    longest = {"cause": _LONGEST_CAUSE}
    found = {name: query.get(name, "")[: longest.get(name, _LONGEST)].replace("\0", "") for name in _FILTERS}
    return {name: text for name, text in found.items() if text}


def search_of(asked: Mapping[str, str]) -> Search:
    """Return the search that the fields of a query stand for.

    Raises:
        InvalidField: one of them cannot be used.
    """
    wanted: dict[str, Any] = {}
    try:
        for name in asked.keys() & _READ.keys():
            wanted |= _READ[name](asked[name])
    except (ValueError, KeyError) as error:
        raise InvalidField("a filter has a value that cannot be used") from error
    if "cursor" in wanted and not is_id(wanted["cursor"]):
        raise InvalidField("the page is not one of this list")
    return Search(**wanted)


def _kept(asked: Mapping[str, str]) -> dict[str, str]:
    """Return the filters without the page."""
    return {name: value for name, value in asked.items() if name != "cursor"}


def _rows(visit: Visit, asked: Mapping[str, str], found: Found) -> dict[str, Any]:
    """Return what the rows of a page show, and what leads to the pages beside it."""
    kept = _kept(asked)
    first = "cursor" not in asked and "q" not in asked
    return {
        "found": found,
        "picks": bool(found.messages) and visit.may("operator"),
        "older": f"{LIST}?{urlencode({**kept, 'cursor': found.older})}" if found.older else "",
        "newest": f"{LIST}?{urlencode(kept)}" if "cursor" in asked else "",
        "live": _live(kept, found) if first else "",
        "rows": f"{LIST}?{urlencode({**kept, 'piece': 'rows'})}",
    }


def _live(kept: Mapping[str, str], found: Found) -> str:
    """Return where the stream is that tells what is newer than a page of the list."""
    than = found.messages[0].id if found.messages else new_id()
    return f"{ROOT}messages-live?{urlencode({**kept, 'than': than})}"


def _between(kept: Mapping[str, str], search: Search, since: datetime, until: datetime) -> str:
    """Return the list of what was made in a piece of time, with the filters that it has, none of them wider."""
    times: dict[str, str] = {}
    if search.since is None or search.since < since:
        times["since"] = f"{since.astimezone(UTC):%Y-%m-%dT%H:%M:%S}"
    if search.until is None or until < search.until:
        times["until"] = f"{until.astimezone(UTC):%Y-%m-%dT%H:%M:%S}"
    return f"{LIST}?{urlencode({**kept, **times})}"


def _moment(text: str) -> datetime:
    """Return a time as browsers' fields for it say it, in UTC."""
    found = datetime.fromisoformat(text)
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found
