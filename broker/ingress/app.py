"""The ingress application: which path leads to which handler."""

import asyncio
from functools import cache

import orjson
from aiohttp import web

from broker.dialects import DIALECTS
from broker.dialects.native.openapi import document
from broker.ingress.books import LedgerDesk
from broker.ingress.connections import ConnectionDesk
from broker.ingress.console import add_console
from broker.ingress.doors import Doors
from broker.ingress.erasures import Erasures
from broker.ingress.health import Health
from broker.ingress.insight import InsightDesk
from broker.ingress.intake import Intake
from broker.ingress.media import Media
from broker.ingress.native import Native
from broker.ingress.optouts import OptOuts
from broker.ingress.router import Router
from broker.ingress.traced import traced
from broker.ingress.turned_away import TurnedAway
from broker.ingress.webhooks import Webhooks
from broker.ingress.workers import WorkerDesk
from broker.keyspace.clock import Clock
from broker.keyspace.crew import Crew
from broker.services.balance import Balance
from broker.services.erasure_desk import ErasureDesk
from broker.services.sql import AsyncSql
from broker.services.workers import Workers
from broker.storage.away import StorageAway

BODY_S = 60.0
"""How long a body may take to come in."""

METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"


def build_app(doors: Doors, *, body_s: float = BODY_S) -> Router:
    """Return the application over open doors; whoever opened them closes them."""
    settings = doors.settings
    turned_away = TurnedAway()
    router = Router(meter=doors.meter, leaving=doors.leaving, turned_away=turned_away)
    for known in DIALECTS.values():
        dialect = known.configured(settings)
        intake = Intake(
            dialect,
            authenticator=doors.authenticator,
            accept=doors.accept,
            desk=doors.desk,
            sign_in=doors.sign_in,
            meter=doors.meter,
            turned_away=turned_away,
            tracing=doors.tracing,
            body_limit=settings.body_limit,
            patience_s=body_s,
        )
        for method, path in dialect.routes:
            handle = traced(intake.handle, doors.tracing, route=path)
            router.add(method, path, handle, failed=intake.failed)
    _add_native(router, doors, body_s)
    _add_media(router, doors)
    webhooks = Webhooks(
        doors.carriers,
        doors.arrivals,
        doors.spool,
        doors.refusals,
        meter=doors.meter,
        limit=settings.webhook_body_limit,
        patience_s=body_s,
        tracing=doors.tracing,
    )
    path = "/webhooks/{connection}"
    router.add("POST", path, traced(webhooks.handle, doors.tracing, route=path))
    _add_operations(router, doors)
    add_console(router, doors)
    return router


def _add_media(router: Router, doors: Doors) -> None:
    media = Media(doors.settings, doors.executor)
    for method in ("GET", "HEAD"):
        router.add(method, "/media/{token}", media.handle)
        router.add(method, "/media/{token}/{name}", media.handle)


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
    router.add("GET", "/v1/billing", native.bills)
    router.add("POST", "/v1/media", native.upload)
    connections = ConnectionDesk(
        doors.sign_in, doors.audit, doors.connections, doors.trial, patience_s=body_s
    )
    connections.add_to(router)
    workers = Workers(Crew(doors.client))
    WorkerDesk(doors.sign_in, doors.audit, workers, patience_s=body_s).add_to(router)
    router.add("GET", "/v1/connections/{name}/log", doors.operations.log)
    router.add("GET", "/v1/connections/{name}/counters", doors.operations.counters)
    router.add("GET", "/v1/callbacks", doors.operations.untold)
    router.add("POST", "/v1/callbacks/replay", doors.operations.replay)
    OptOuts(doors.opt_outs, doors.authenticator, doors.sign_in, doors.audit, patience_s=body_s).add_to(router)
    sql = AsyncSql(doors.database, doors.executor)
    Erasures(ErasureDesk(doors.settings, sql), doors.sign_in, doors.audit, patience_s=body_s).add_to(router)
    InsightDesk(doors.sign_in, doors.audit, sql, doors.settings).add_to(router)
    LedgerDesk(doors.sign_in, Balance(sql, Clock(doors.client))).add_to(router)
    router.add("GET", "/v1/webhooks/parked", doors.journal.parked)
    router.add("POST", "/v1/webhooks/replay", doors.journal.replay)
    doors.letters.add_to(router)


def _add_operations(router: Router, doors: Doors) -> None:
    async def database() -> bool:
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(doors.executor, doors.database.read, lambda _: True)
        except StorageAway:
            return False

    async def metrics(request: web.BaseRequest) -> web.Response:  # noqa: ARG001
        return web.Response(body=doors.meter.page(), headers={"Content-Type": METRICS_TYPE})

    async def openapi(request: web.BaseRequest) -> web.Response:  # noqa: ARG001
        return web.Response(body=_described(), headers={"Content-Type": "application/json"})

    health = Health(leaving=doors.leaving, redis=doors.pressure.is_seen, database=database)
    router.add("GET", "/livez", health.live)
    router.add("GET", "/readyz", health.ready)
    router.add("GET", "/metrics", metrics)
    router.add("GET", "/openapi.json", openapi)


@cache
def _described() -> bytes:
    return orjson.dumps(document())
