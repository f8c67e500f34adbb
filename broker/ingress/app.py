"""The ingress application: which path leads to which handler."""

import asyncio
from functools import partial

import orjson
from aiohttp import web

from broker.dialects import DIALECTS
from broker.dialects.native.openapi import document
from broker.dialects.native.problem import problem_document
from broker.ingress.answers import to_web
from broker.ingress.doors import Doors
from broker.ingress.guarded import Failed, Handler, failed_natively, guarded
from broker.ingress.health import Health
from broker.ingress.intake import Intake
from broker.ingress.media import Media
from broker.ingress.native import Native
from broker.ingress.webhooks import Webhooks
from broker.storage.away import StorageAway

BODY_S = 60.0
"""How long a body may take to come in."""

METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class Router:
    """Adds guarded routes, and an answer in our own form for methods and paths that there are not."""

    def __init__(self, app: web.Application, doors: Doors) -> None:
        self._app = app
        self._wrap = partial(guarded, meter=doors.meter, leaving=doors.leaving)
        self._methods: dict[str, list[str]] = {}

    def add(self, method: str, path: str, handler: Handler, *, failed: Failed = failed_natively) -> None:
        """Route one method of a path; HEAD is not added to GET, since some dialects send by GET."""
        self._methods.setdefault(path, []).append(method)
        self._app.router.add_route(method, path, self._wrap(handler, route=path, failed=failed))

    def finish(self) -> None:
        """Answer everything else."""
        for path, methods in self._methods.items():
            handler = self._wrap(_refuse_method(sorted(methods)), route=path)
            self._app.router.add_route("*", path, handler)
        self._app.router.add_route("*", "/{path:.*}", self._wrap(_refuse_path, route="unmatched"))


async def build_app(doors: Doors, *, body_s: float = BODY_S) -> web.Application:
    """Return the application over open doors; whoever opened them closes them."""
    settings = doors.settings
    app = web.Application(client_max_size=settings.body_limit)
    router = Router(app, doors)
    for dialect in DIALECTS.values():
        intake = Intake(
            dialect,
            authenticator=doors.authenticator,
            accept=doors.accept,
            meter=doors.meter,
            body_limit=settings.body_limit,
            patience_s=body_s,
        )
        for method, path in dialect.routes:
            router.add(method, path, intake.handle, failed=intake.failed)
    _add_native(router, doors, body_s)
    webhooks = Webhooks(
        doors.carriers,
        doors.arrivals,
        doors.spool,
        meter=doors.meter,
        limit=settings.webhook_body_limit,
        patience_s=body_s,
    )
    router.add("POST", "/webhooks/{connection}", webhooks.handle)
    media = Media(settings, doors.executor)
    for method in ("GET", "HEAD"):
        router.add(method, "/media/{token}", media.handle)
        router.add(method, "/media/{token}/{name}", media.handle)
    _add_operations(router, doors)
    router.finish()
    return app


def _add_native(router: Router, doors: Doors, body_s: float) -> None:
    native = Native(
        doors.settings,
        authenticator=doors.authenticator,
        lookup=doors.lookup,
        uploads=doors.uploads,
        executor=doors.executor,
        patience_s=body_s,
    )
    router.add("GET", "/v1/messages", native.list)
    router.add("GET", "/v1/messages/{id}", native.show)
    router.add("POST", "/v1/media", native.upload)


def _add_operations(router: Router, doors: Doors) -> None:
    async def database() -> bool:
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(doors.executor, doors.database.read, lambda _: True)
        except StorageAway:
            return False

    async def metrics(request: web.Request) -> web.Response:  # noqa: ARG001
        return web.Response(body=doors.meter.page(), headers={"Content-Type": METRICS_TYPE})

    described = orjson.dumps(document())

    async def openapi(request: web.Request) -> web.Response:  # noqa: ARG001
        return web.Response(body=described, headers={"Content-Type": "application/json"})

    health = Health(leaving=doors.leaving, redis=doors.pressure.is_seen, database=database)
    router.add("GET", "/livez", health.live)
    router.add("GET", "/readyz", health.ready)
    router.add("GET", "/metrics", metrics)
    router.add("GET", "/openapi.json", openapi)


def _refuse_method(methods: list[str]) -> Handler:
    allowed = ", ".join(methods)

    async def refuse(request: web.Request) -> web.Response:  # noqa: ARG001
        detail = f"this path knows only {allowed}"
        return to_web(
            problem_document(405, code="method_not_allowed", detail=detail, headers={"Allow": allowed})
        )

    return refuse


async def _refuse_path(request: web.Request) -> web.Response:  # noqa: ARG001
    return to_web(problem_document(404, code="not_found", detail="there is no such path"))
