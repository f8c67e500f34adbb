"""Run the ingress until it is told to end."""

import asyncio
import logging
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web

from broker import collector
from broker.ingress.app import BODY_S, build_app
from broker.ingress.doors import Doors
from broker.ingress.quiet import QuietServer, WithoutContent
from broker.log import get_logger
from broker.settings import Settings

log = get_logger()

IDLE_S = 75.0
"""How long a connection may take for a request's head, the first one's included, or stay unused."""
FINISH_S = 20.0
"""How long requests in flight may take at the end; SIGTERM promises 30 s for everything."""
BACKLOG = 1024
LINE_LIMIT = 64 * 1024
"""Longest request line: Ozeki's customers send whole texts in it, three bytes for one of most scripts."""

_WITHOUT_CONTENT = WithoutContent()


@asynccontextmanager
async def serving(
    settings: Settings, *, doors: Doors | None = None, idle_s: float = IDLE_S, body_s: float = BODY_S
) -> AsyncIterator[int]:
    """Serve while the context lasts, behind open `doors` or new ones; its value is the port.

    Raises:
        ConfigurationError: Redis cannot give the durability level.
        OSError: the port is taken.
    """
    logging.getLogger("aiohttp.server").addFilter(_WITHOUT_CONTENT)
    doors = doors or await Doors.open(settings)
    try:
        await doors.require_durability()
        server = QuietServer(
            build_app(doors, body_s=body_s).handle,
            access_log=None,
            keepalive_timeout=idle_s,
            auto_decompress=False,
            max_line_size=LINE_LIMIT,
        )
        runner = web.ServerRunner(server, shutdown_timeout=FINISH_S / 2)
        await runner.setup()
        try:
            site = web.TCPSite(runner, settings.host, settings.port, backlog=BACKLOG)
            await site.start()
            yield runner.addresses[0][1]
            await site.stop()
            await doors.leaving.finish(FINISH_S / 2)
        finally:
            await runner.cleanup()
    finally:
        await doors.close()


async def serve(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT; then accept nothing new, finish what is in flight, and return."""
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
