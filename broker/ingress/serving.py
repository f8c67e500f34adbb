"""Run the ingress until it is told to end."""

import asyncio
import logging
import resource
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

from aiohttp import web

from broker import collector
from broker.dialects import DIALECTS
from broker.ingress.app import BODY_S, build_app
from broker.ingress.certificate import Certificate
from broker.ingress.doors import Doors
from broker.ingress.metrics import CERTIFICATE_ENDS
from broker.ingress.peer import request_factory
from broker.ingress.protocol import Server
from broker.ingress.quiet import WithoutContent
from broker.ingress.unreadable import Unreadable
from broker.log import get_logger
from broker.settings import Settings

log = get_logger()

IDLE_S = 75.0
"""How long a connection may take for a request's head, the first one's included, or stay unused."""
FINISH_S = 20.0
"""How long requests in flight may take at the end; SIGTERM promises 30 s for everything."""
RENEW_S = 10.0
"""Between two looks at the files of the certificate."""
BACKLOG = 1024
OTHER_FILES = 512
"""Files that a process may have open beside its connections."""
LINE_LIMIT = 64 * 1024
"""Longest request line: Ozeki's customers send whole texts in it, three bytes for one of most scripts."""

_WITHOUT_CONTENT = WithoutContent()


@asynccontextmanager
async def serving(
    settings: Settings,
    *,
    doors: Doors | None = None,
    idle_s: float = IDLE_S,
    body_s: float = BODY_S,
    renew_s: float = RENEW_S,
) -> AsyncIterator[int]:
    """Serve while the context lasts, behind open `doors` or new ones; its value is the port.

    Raises:
        ConfigurationError: Redis cannot give the durability level, or the certificate cannot be used.
        OSError: the port is taken.
    """
    logging.getLogger("aiohttp.server").addFilter(_WITHOUT_CONTENT)
    certificate = Certificate.of(settings)
    doors = doors or await Doors.open(settings)
    try:
        await doors.require_durability()
        if certificate is not None:
            doors.meter.show(CERTIFICATE_ENDS, lambda: {(): certificate.ends_at})
        server = _server(settings, doors, idle_s=idle_s, body_s=body_s)
        runner = web.ServerRunner(server, shutdown_timeout=FINISH_S / 2)
        await runner.setup()
        try:
            sites = _sites(runner, settings, certificate)
            for site in sites:
                await site.start()
            with _renewing(certificate, every_s=renew_s):
                yield runner.addresses[0][1]
            for site in sites:
                await site.stop()
            await doors.leaving.finish(FINISH_S / 2)
        finally:
            await runner.cleanup()
    finally:
        await doors.close()


def _server(settings: Settings, doors: Doors, *, idle_s: float, body_s: float) -> Server:
    return Server(
        build_app(doors, body_s=body_s).handle,
        unreadable=Unreadable(dialect.configured(settings) for dialect in DIALECTS.values()),
        most=settings.connections_limit,
        meter=doors.meter,
        access_log=None,
        keepalive_timeout=idle_s,
        auto_decompress=False,
        max_line_size=LINE_LIMIT,
        request_factory=request_factory(settings.trusted_proxies),
    )


def _sites(
    runner: web.ServerRunner, settings: Settings, certificate: Certificate | None
) -> list[web.TCPSite]:
    """Return the listeners: plain HTTP, and HTTPS where there is a certificate."""
    sites = [web.TCPSite(runner, settings.host, settings.port, backlog=BACKLOG)]
    if certificate is not None:
        secure = web.TCPSite(
            runner,
            settings.tls_host,
            settings.tls_port,
            backlog=BACKLOG,
            ssl_context=certificate.context,
        )
        sites.append(secure)
    return sites


@contextmanager
def _renewing(certificate: Certificate | None, *, every_s: float) -> Iterator[None]:
    """Read the certificate again when its files change, and at once on SIGHUP."""
    if certificate is None:
        yield
        return
    loop = asyncio.get_running_loop()
    watching = loop.create_task(certificate.watch(every_s=every_s))
    loop.add_signal_handler(signal.SIGHUP, certificate.renew)
    try:
        yield
    finally:
        loop.remove_signal_handler(signal.SIGHUP)
        watching.cancel()


def _make_room(connections: int) -> None:
    """Let this process have so many connections open, as far as the machine allows it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = connections + OTHER_FILES
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted if hard == -1 else min(wanted, hard), hard))


async def serve(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT; then accept nothing new, finish what is in flight, and return."""
    _make_room(settings.connections_limit)
    loop = asyncio.get_running_loop()
    told = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, told.set)
    async with serving(settings) as port:
        collector.settle()
        log.info("ingress_started", host=settings.host, port=port)
        await told.wait()
        log.info("ingress_ending")
    log.info("ingress_ended")
