"""The last resort around every handler."""

import asyncio
import time
from collections.abc import Awaitable, Callable

from aiohttp import web

from broker.dialects.native.problem import problem
from broker.errors import AdmissionError, OutcomeUncertain, RequestError
from broker.ingress.answers import to_web
from broker.ingress.leaving import Leaving
from broker.ingress.metrics import Meter
from broker.ingress.turned_away import TurnedAway
from broker.log import get_logger, told_without_content

log = get_logger()

Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]
Failed = Callable[[web.BaseRequest], web.StreamResponse]


def failed_natively(request: web.BaseRequest) -> web.StreamResponse:  # noqa: ARG001  # others look at it
    """Return the problem document for when we are at fault."""
    return to_web(problem(OutcomeUncertain("something went wrong here")))


def guarded(
    handler: Handler,
    *,
    route: str,
    meter: Meter,
    leaving: Leaving,
    turned_away: TurnedAway,
    failed: Failed = failed_natively,
) -> Handler:
    """Return the handler with its answers counted, our errors told, and the unforeseen logged without content.

    A wrapper, not a middleware: aiohttp then adds nothing between its router and the handler.
    """

    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        started = time.perf_counter()
        leaving.begin()
        response: web.StreamResponse
        try:
            response = await handler(request)
        except (RequestError, AdmissionError) as error:
            turned_away.tell(route, error)
            response = to_web(problem(error))
        except (asyncio.CancelledError, web.HTTPException, ConnectionError):
            raise
        except Exception as error:  # noqa: BLE001  # the last resort: nobody else would say anything
            log.error("request_failed", route=route, method=request.method, **told_without_content(error))
            response = failed(request)
        finally:
            leaving.end()
        if leaving.told:
            response.force_close()
        meter.answered(route, request.method, response.status, time.perf_counter() - started)
        return response

    return handle
