"""Is the process alive, and can it do its work."""

from collections.abc import Awaitable, Callable

import orjson
from aiohttp import web

from broker.ingress.leaving import Leaving

Check = Callable[[], Awaitable[bool]]

_PLAIN = {"Content-Type": "application/json", "Cache-Control": "no-store"}


class Health:
    """Answers orchestrators and load balancers, without details."""

    def __init__(self, *, leaving: Leaving, redis: Check, database: Check) -> None:
        self._leaving = leaving
        self._checks = {"redis": redis, "database": database}

    async def live(self, request: web.BaseRequest) -> web.Response:  # noqa: ARG002
        """Answer `GET /livez`: the process turns its loop."""
        return web.Response(body=b'{"status":"ok"}', headers=_PLAIN)

    async def ready(self, request: web.BaseRequest) -> web.Response:  # noqa: ARG002
        """Answer `GET /readyz`: 200 while sends can be taken, else 503."""
        found = {name: await check() for name, check in self._checks.items()}
        ready = all(found.values()) and not self._leaving.told
        body = orjson.dumps({"status": "ok" if ready else "unavailable", **found})
        return web.Response(status=200 if ready else 503, body=body, headers=_PLAIN)
