"""The first page: is it flowing, and what is wrong."""

from aiohttp import web

from broker.console.gate import Gate, Route
from broker.console.pages import Pages
from broker.console.visit import ROOT, Visit
from broker.domain.message import Direction
from broker.domain.status import Status
from broker.services.overview import BAD, WINDOWS, Glance, View

DEFAULT = "1h"
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
_BAR, _HEIGHT = 10, 100


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
            tiles=_tiles(view),
            bars=_bars(view),
            outward=_standing(view, Direction.OUT),
            inward=_standing(view, Direction.IN),
        )


def _tiles(view: View) -> list[tuple[str, int, str, str]]:
    """Return what the tiles say: a word, a number, a tone, and the list behind it."""
    bad = view.number(*BAD)
    return [
        ("sent by customers", view.number(), "", "direction=out"),
        ("on their way", view.number(*_OPEN), "", "direction=out&status=open"),
        ("with carriers", view.number(*_CARRIERS), "", "direction=out&status=carrier"),
        ("delivered", view.number(Status.DELIVERED, Status.READ), "", "direction=out&status=good"),
        ("ended badly", bad, "bad" if bad else "", "direction=out&status=bad"),
        ("arrived", view.number(direction=Direction.IN), "", "direction=in"),
    ]


def _standing(view: View, direction: Direction) -> list[tuple[str, int]]:
    found = {status: number for (way, status), number in view.counts.items() if way is direction}
    return [(str(status), found[status]) for status in Status if status in found]


def _bars(view: View) -> list[dict[str, float]]:
    """Return where the bars of the chart stand: what was made each minute, and what of it ended badly."""
    most = max((made for _, made, _ in view.minutes), default=0) or 1
    return [
        {
            "x": place * _BAR,
            "width": _BAR - 2,
            "height": round(made / most * _HEIGHT, 1),
            "bad": round(bad / most * _HEIGHT, 1),
        }
        for place, (_, made, bad) in enumerate(view.minutes)
    ]
