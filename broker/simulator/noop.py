"""An aiohttp handler that does nothing: the ceiling that the benchmark measures the ingress against."""

import asyncio
import signal
import sys

import uvloop
from aiohttp import web

_ANSWER = b'{"id":"0193d7c2-7b1e-7c3a-9b57-2f6f1c1f0a11","status":"accepted"}'


async def nothing(_: web.Request) -> web.Response:
    """Answer 202 without a look at the request."""
    return web.Response(status=202, body=_ANSWER, content_type="application/json")


async def run(port: int) -> None:
    """Serve until SIGINT or SIGTERM, and print the address."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    app = web.Application()
    app.router.add_post("/v1/messages", nothing)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    print(f"http://127.0.0.1:{runner.addresses[0][1]}", flush=True)  # noqa: T201  (its output)
    await stop.wait()
    await runner.cleanup()


if __name__ == "__main__":
    uvloop.run(run(int(sys.argv[1]) if len(sys.argv) > 1 else 0))
