"""The first page: is it flowing, and what is wrong."""

from collections.abc import Mapping
from datetime import datetime
from urllib.parse import urlencode

from aiohttp import web

from broker.console import curves, words
from broker.console.gate import Gate, Route
from broker.console.messages import LIST, NO_CAUSE
from broker.console.pages import Pages
from broker.console.visit import ROOT, Visit
from broker.dialects.native.overview import DEFAULT
from broker.domain.message import Direction
from broker.domain.status import Status
from broker.services.charts import Point
from broker.services.overview import BAD, FAILED, GOOD, WINDOWS, Glance, View
from broker.services.pulse import SPAN

_CARRIERS = (Status.SUBMITTED, Status.RELAYED)
_OPEN = (
    Status.ACCEPTED,
    Status.PREPARING,
    Status.SCHEDULED,
    Status.QUEUED,
    Status.SUBMITTING,
    Status.RETRYING,
    Status.UNKNOWN,
)


class Overview:
    """Shows how everything is at a glance."""

    def __init__(self, pages: Pages, glance: Glance) -> None:
        self._pages = pages
        self._glance = glance

    def routes(self, gate: Gate) -> list[Route]:
        """Return what leads here."""
        return gate.get(ROOT, self.show)

    async def show(self, visit: Visit) -> web.Response:
        """Answer `GET /console/`; with `piece`, only what changes all the time."""
        asked = visit.query.get("window", DEFAULT)
        window = asked if asked in WINDOWS else DEFAULT
        view = await self._glance.look(window)
        return await self._pages.show(
            visit,
            "overview_now.html" if "piece" in visit.query else "overview.html",
            view=view,
            window=window,
            windows=list(WINDOWS),
            rates=_rates(view),
            now=next((one for _, one in reversed(view.beat.latency[-2:]) if one is not None), None),
            tiles=_tiles(view),
            summary=_summary(view),
            rows=_rows(view),
            width=len(view.points) * curves.STEP,
            flows=curves.throughput(view.points, view.at),
            waits=curves.latency(view.points),
            depth=curves.depth(view.points),
            causes=_causes(view),
            failed=FAILED,
            links=[(link, view.beat.paces.get(link.name)) for link in view.links],
            outward=_standing(view, Direction.OUT),
            inward=_standing(view, Direction.IN),
        )


def _list(filters: Mapping[str, str], since: datetime | None, until: datetime | None = None) -> str:
    """Return the address of a list of messages."""
    times = {"since": since, "until": until}
    exact = {name: at.strftime("%Y-%m-%dT%H:%M:%S") for name, at in times.items() if at is not None}
    return f"{LIST}?{urlencode({**filters, **exact})}"


def _rates(view: View) -> list[tuple[str, str, str]]:
    """Return how fast everything flows: a number, what it is, and the list behind it."""
    beat, length_s = view.beat, SPAN.total_seconds()
    numbers: tuple[tuple[str, int, dict[str, str]], ...] = (
        ("accepted a second", beat.flow.accepted, {}),
        ("sent a second", beat.sent, {"counter": "sent"}),
        ("delivered a second", beat.flow.good, {"status": "good"}),
        ("failed a second", beat.flow.bad, {"status": "bad"}),
    )
    return [
        (words.rate(number / length_s), word, _list({"direction": "out", **filters}, beat.since))
        for word, number, filters in numbers
    ]


def _tiles(view: View) -> list[tuple[str, int, str, str]]:
    """Return what the tiles say: a word, a number, a tone, and the list behind it."""
    bad, good = view.number(*BAD), view.number(*GOOD)
    share = f" ({bad / (bad + good):.1%} of what ended)" if bad else ""
    found = (
        ("sent by customers", view.number(), "", {"direction": "out"}),
        ("on their way", view.number(*_OPEN), "", {"direction": "out", "status": "open"}),
        ("with carriers", view.number(*_CARRIERS), "", {"direction": "out", "status": "carrier"}),
        ("delivered", good, "", {"direction": "out", "status": "good"}),
        (f"ended badly{share}", bad, "bad" if bad else "", {"direction": "out", "status": "bad"}),
        ("arrived", view.number(direction=Direction.IN), "", {"direction": "in"}),
    )
    return [(word, number, tone, _list(filters, view.since)) for word, number, tone, filters in found]


def _summary(view: View) -> str:
    """Return how everything is in one sentence, for those who listen."""
    number = len(view.troubles)
    needs = "1 thing needs" if number == 1 else f"{number or 'no'} things need"
    return f"{words.count(view.number())} accepted, {words.count(view.number(*BAD))} failed, {needs} a person"


def _causes(view: View) -> list[tuple[str, str, int, float, str]]:
    """Return why messages ended badly: state, reason, how many, their share, and the list of them."""
    bad = view.looked_at or 1
    return [
        (
            status,
            cause,
            number,
            number / bad,
            _list({"status": status, "cause": cause or NO_CAUSE}, view.since),
        )
        for status, cause, number in view.causes
    ]


def _standing(view: View, direction: Direction) -> list[tuple[str, int]]:
    found = {status: number for (way, status), number in view.stock.counts.items() if way is direction}
    return [(str(status), found[status]) for status in Status if status in found]


def _rows(view: View) -> list[tuple[Point, str, str, str]]:
    """Return the steps of the charts, with the lists of what was made in each, and of what ended well and badly."""
    return [
        (
            one,
            _list({"direction": "out"}, one.at, one.until),
            _list({"direction": "out", "status": "good"}, one.at, one.until),
            _list({"direction": "out", "status": "bad"}, one.at, one.until),
        )
        for one in view.points
    ]
