"""Which handler a request is led to, by its method and path."""

import re
from collections.abc import Awaitable
from functools import partial
from typing import NamedTuple

from aiohttp import HttpVersion11, web

from broker.dialects.native.problem import problem_document
from broker.ingress.answers import to_web
from broker.ingress.guarded import Failed, Handler, failed_natively, guarded
from broker.ingress.leaving import Leaving
from broker.ingress.metrics import Meter
from broker.ingress.turned_away import TurnedAway

PIECES = web.RequestKey("pieces", dict[str, str])
"""The named pieces of the path, in a request that a pattern matched."""

_NAME = re.compile(r"\{(\w+)\}")


class _Pattern(NamedTuple):
    path: re.Pattern[str]
    handlers: dict[str, Handler]


class Router:
    """Leads requests to guarded handlers, and answers in our own form for methods and paths that there are not.

    aiohttp's own application matches, signals and wraps around each request; for a send that was a tenth of the work,
    and we need none of it. A handler finds the pieces of its path in the request, under PIECES.
    """

    def __init__(self, *, meter: Meter, leaving: Leaving, turned_away: TurnedAway) -> None:
        self._wrap = partial(guarded, meter=meter, leaving=leaving, turned_away=turned_away)
        self._exact: dict[str, dict[str, Handler]] = {}
        self._patterns: list[_Pattern] = []
        self.paths: set[tuple[str, str]] = set()
        """Each method and path that leads somewhere."""
        self._nowhere = self._wrap(_refuse_path, route="unmatched")

    def add(self, method: str, path: str, handler: Handler, *, failed: Failed = failed_natively) -> None:
        """Lead a method of a path, such as `/v1/messages/{id}`. GET brings no HEAD along: some dialects send by it."""
        self.paths.add((method, path))
        handlers = self._handlers(path)
        handlers[method] = self._wrap(handler, route=path, failed=failed)
        known = sorted(name for name in handlers if name != "*")
        handlers["*"] = self._wrap(_refuse_method(known), route=path)

    def handle(self, request: web.BaseRequest) -> Awaitable[web.StreamResponse]:
        """Return what answers a request: no coroutine of its own, since each one has to be woken through."""
        handlers = self._exact.get(request.path) or self._matching(request)
        if handlers is None:
            return self._nowhere(request)
        handler = handlers.get(request.method) or handlers["*"]
        return _encouraging(handler, request) if "Expect" in request.headers else handler(request)

    def _handlers(self, path: str) -> dict[str, Handler]:
        if "{" not in path:
            return self._exact.setdefault(path, {})
        pattern = re.compile(_NAME.sub(r"(?P<\1>[^/]+)", path))
        for known in self._patterns:
            if known.path == pattern:
                return known.handlers
        self._patterns.append(_Pattern(pattern, {}))
        return self._patterns[-1].handlers

    def _matching(self, request: web.BaseRequest) -> dict[str, Handler] | None:
        for pattern in self._patterns:
            found = pattern.path.fullmatch(request.path)
            if found:
                request[PIECES] = found.groupdict()
                return pattern.handlers
        return None


async def _encouraging(handler: Handler, request: web.BaseRequest) -> web.StreamResponse:
    """Tell a client that waits for leave to send its body to go on (RFC 9110, 10.1.1), and answer it."""
    if request.version == HttpVersion11 and request.headers["Expect"].lower() == "100-continue":
        await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        request.writer.output_size = 0  # the answer itself has not begun
    return await handler(request)


def _refuse_method(methods: list[str]) -> Handler:
    allowed = ", ".join(methods)

    async def refuse(request: web.BaseRequest) -> web.StreamResponse:  # noqa: ARG001
        detail = f"this path knows only {allowed}"
        return to_web(
            problem_document(405, code="method_not_allowed", detail=detail, headers={"Allow": allowed})
        )

    return refuse


async def _refuse_path(request: web.BaseRequest) -> web.StreamResponse:  # noqa: ARG001
    return to_web(problem_document(404, code="not_found", detail="there is no such path"))
