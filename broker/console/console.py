"""The console: which path leads to which page."""

from collections.abc import Mapping
from dataclasses import dataclass

from aiohttp import web

from broker.console.assets import ROOT as ASSETS
from broker.console.assets import Assets
from broker.console.entrance import Entrance
from broker.console.gate import Gate, Route
from broker.console.overview import Overview
from broker.console.pages import Pages, go_to
from broker.console.visit import ROOT
from broker.services.sessions import Sessions
from broker.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Needs:
    """What the pages work with."""

    settings: Settings
    sessions: Sessions
    pages: Pages


def routes(needs: Needs, assets: Assets) -> list[Route]:
    """Return every path of the console, with what answers it."""
    pages, public_url = needs.pages, needs.settings.public_url
    gate = Gate(needs.sessions, pages, public_url=public_url)

    async def home(request: web.BaseRequest, pieces: Mapping[str, str]) -> web.Response:  # noqa: ARG001
        return go_to(ROOT)

    async def asset(request: web.BaseRequest, pieces: Mapping[str, str]) -> web.Response:
        return assets.answer(request, pieces["name"])

    bare = [
        Route(method, path, gate.open(door))
        for method in ("GET", "HEAD")
        for path, door in ((ROOT.rstrip("/"), home), (ASSETS + "{name}", asset))
    ]
    return [
        *bare,
        *Entrance(needs.sessions, pages, public_url=public_url).routes(gate),
        *Overview(pages).routes(gate),
    ]
