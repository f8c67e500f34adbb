"""Requests that are traced: a span of ours within the trace of who calls, or a trace of our own."""

from aiohttp import web

from broker.ingress.guarded import Handler
from broker.tracing import Kind, Tracing


def traced(handler: Handler, tracing: Tracing | None, *, route: str) -> Handler:
    """Return a handler whose requests are traced, or where nothing is traced the handler itself."""
    if tracing is None:
        return handler

    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        about = {"http.request.method": request.method, "http.route": route}
        parent = request.headers.get("traceparent", "")
        with tracing.span(
            f"{request.method} {route}", parent=parent, kind=Kind.SERVER, attributes=about
        ) as span:
            response = await handler(request)
            span.say({"http.response.status_code": response.status})
            return response

    return handle
