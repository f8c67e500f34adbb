"""Lead requests for the console to its pages."""

from aiohttp import web

from broker.console.assets import Assets
from broker.console.console import Needs, routes
from broker.console.gate import Door
from broker.console.headers import PRIVATE
from broker.console.pages import Pages
from broker.ingress.doors import Doors
from broker.ingress.guarded import Handler
from broker.ingress.router import PIECES, Router
from broker.keyspace.sessions import Sessions as Kept
from broker.services.sessions import LIFE_S, Sessions


def add_console(router: Router, doors: Doors) -> None:
    """Add every path of the console to a router."""
    settings = doors.settings
    assets = Assets()
    needs = Needs(
        settings=settings,
        sessions=Sessions(
            doors.sign_in,
            Kept(doors.client, life_s=LIFE_S),
            secret_key=settings.secret_key.get_secret_value(),
        ),
        pages=Pages(
            doors.executor, assets, flower_url=settings.flower_url, simulated=bool(settings.simulator_url)
        ),
    )
    for method, path, door in routes(needs, assets):
        router.add(method, path, _handler(door), failed=_failed)


def _handler(door: Door) -> Handler:
    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        return await door(request, request.get(PIECES, {}))

    return handle


def _failed(request: web.BaseRequest) -> web.StreamResponse:  # noqa: ARG001  # it may be what is wrong
    return web.Response(
        status=500, text="Something went wrong here. The ingress's log says more.", headers=PRIVATE
    )
