"""How everything is at a glance, as the console's overview says it, for operators who ask through the API."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import orjson
from aiohttp import web

from broker.dialects.native.dialect import credentials_of
from broker.dialects.native.lookup import stamp
from broker.dialects.native.overview import parse_window
from broker.dispatch import Queue
from broker.domain.message import Direction
from broker.domain.operator import Role
from broker.domain.wire import Response
from broker.ingress.answers import to_web
from broker.ingress.calls import head
from broker.ingress.router import Router
from broker.services.attention import Trouble
from broker.services.carrying import Link
from broker.services.overview import Glance, View
from broker.services.pulse import SPAN, Latency, Pace
from broker.services.signin import SignIn

PATH = "/v1/operators/overview"


class OverviewDesk:
    """Answers people who run the broker; each signs in with every request."""

    def __init__(self, sign_in: SignIn, glance: Glance) -> None:
        self._sign_in = sign_in
        self._glance = glance

    def add_to(self, router: Router) -> None:
        """Serve the path."""
        router.add("GET", PATH, self.show)

    async def show(self, request: web.BaseRequest) -> web.Response:
        """Answer `GET /v1/operators/overview`."""
        call = head(request)
        await self._sign_in.operator(credentials_of(call.headers), needs=Role.VIEWER, peer=call.peer)
        window = parse_window(call)
        found = told(await self._glance.look(window), window)
        headers = {"Content-Type": "application/json", "Cache-Control": "no-store"}
        return to_web(
            Response(status=200, headers=headers, body=orjson.dumps(found, option=orjson.OPT_NON_STR_KEYS))
        )


def told(view: View, window: str) -> dict[str, Any]:
    """Return a view in JSON's terms: rates are of messages a second, times in seconds."""
    beat, seconds = view.beat, SPAN.total_seconds()
    now = next((one for _, one in reversed(beat.latency[-2:]) if one is not None), None)
    return {
        "at": stamp(view.at),
        "window": window,
        "since": _stamp(view.since),
        "attention": [_trouble(one) for one in view.troubles],
        "rates": {
            "accepted": beat.flow.accepted / seconds,
            "sent": beat.sent / seconds,
            "delivered": beat.flow.good / seconds,
            "failed": beat.flow.bad / seconds,
        },
        "to_carrier": _latency(now),
        "messages": {
            way: {status: number for (which, status), number in view.stock.counts.items() if which is way}
            for way in Direction
        },
        "counted_back_to": _stamp(view.stock.back_to),
        "counted_as_of": _stamp(view.stock.as_of),
        "queues": [_queue(view, queue) for queue in Queue],
        "connections": [_connection(one, beat.paces) for one in view.links],
        "causes": [
            {"status": status, "cause": cause, "messages": number} for status, cause, number in view.causes
        ],
        "causes_of": view.looked_at,
    }


def _trouble(one: Trouble) -> dict[str, Any]:
    return {
        "tone": one.tone,
        "text": one.text,
        "page": one.link,
        "since": _stamp(one.since),
        "runbook": f"docs/runbooks/{one.runbook}.md" if one.runbook else None,
    }


def _queue(view: View, queue: Queue) -> dict[str, Any]:
    waits = {state: number for (which, state), number in view.census.depth.items() if which is queue}
    return {"queue": queue, "waiting": waits, "oldest_s": view.census.oldest_s.get(queue, 0.0)}


def _connection(link: Link, paces: Mapping[str, Pace]) -> dict[str, Any]:
    pace = paces.get(link.name)
    return {
        "name": link.name,
        "state": link.state,
        "reason": link.reason,
        "since": _stamp(link.since),
        "until": _stamp(link.until),
        "mps": link.usage.mps,
        "waiting": link.usage.waiting,
        "rate": pace.rate if pace else 0.0,
        "failing": pace.lost if pace else None,
        "to_carrier": _latency(pace.latency if pace else None),
    }


def _latency(found: Latency | None) -> dict[str, Any] | None:
    return None if found is None else {"p50_s": found.p50, "p95_s": found.p95, "p99_s": found.p99}


def _stamp(at: datetime | None) -> str | None:
    return None if at is None else stamp(at)
