"""Networks that refuse, freeze, delay and cut; a carrier that errs; customers' servers that fail."""

import base64
import itertools
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any

import orjson

from broker.cli.chaos.fault import Fault, fault
from broker.cli.chaos.ground import Ground
from broker.cli.chaos.proxy import Proxy
from broker.cli.chaos.roster import WEBHOOK_PASSWORD, WEBHOOK_USER
from broker.domain.ids import new_id
from broker.domain.wire import Request
from broker.errors import ProviderError

Pick = Callable[[Ground], Proxy]
_STORM_POSTS, _STORM_EVENTS = 20, 100


def _to_redis(ground: Ground) -> Proxy:
    return ground.to_redis


def _to_carrier(ground: Ground) -> Proxy:
    return ground.to_carrier


def _refusing(pick: Pick) -> Fault:
    @fault(hold_s=5)
    async def steps(ground: Ground) -> AsyncIterator[None]:
        await pick(ground).refuse()
        yield
        await pick(ground).accept()

    return steps


def _frozen(pick: Pick) -> Fault:
    @fault(hold_s=6)
    async def steps(ground: Ground) -> AsyncIterator[None]:
        pick(ground).freeze()
        yield
        pick(ground).thaw()

    return steps


def _slow(pick: Pick, delay_s: float) -> Fault:
    @fault(hold_s=8)
    async def steps(ground: Ground) -> AsyncIterator[None]:
        pick(ground).delay_s = delay_s
        yield
        pick(ground).clear()

    return steps


def _cut(pick: Pick, share: float) -> Fault:
    @fault(hold_s=6)
    async def steps(ground: Ground) -> AsyncIterator[None]:
        pick(ground).share = share
        yield
        pick(ground).clear()

    return steps


def _dialled(*, hold_s: float = 8, **dials: Any) -> Fault:
    @fault(hold_s=hold_s)
    async def steps(ground: Ground) -> AsyncIterator[None]:
        await ground.dial(**dials)
        yield
        await ground.dial()

    return steps


@fault(hold_s=6)
async def _storm(ground: Ground) -> AsyncIterator[None]:
    """Post thousands of events about messages that nobody knows, while every true one comes twice and reversed."""
    await ground.dial(duplicate_events=1, reorder_events=1)
    login = base64.b64encode(f"{WEBHOOK_USER}:{WEBHOOK_PASSWORD}".encode()).decode()
    headers = {"Authorization": f"Basic {login}", "Content-Type": "application/json"}
    for _, url in zip(range(_STORM_POSTS), itertools.cycle(ground.hooks), strict=False):
        body = orjson.dumps([_foreign(number) for number in range(_STORM_EVENTS)])
        request = Request(method="POST", url=url, headers=headers, body=body)
        try:
            await ground.client.send(request, timeout_s=10)
        except ProviderError:  # a carrier would repeat it; nobody misses these
            break
    yield
    await ground.dial()


_numbers = itertools.count(1)


def _foreign(number: int) -> dict[str, Any]:
    """Return a report about a message that is not ours."""
    ident, to = f"foreign-{next(_numbers)}", f"+1202556{number:04d}"
    return {
        "type": "message-delivered",
        "time": "2026-01-01T00:00:00.000Z",
        "description": "ok",
        "to": to,
        "message": {
            "id": ident,
            "time": "2026-01-01T00:00:00Z",
            "to": [to],
            "from": "+12025550150",
            "text": "",
            "applicationId": "app-1",
            "owner": "+12025550150",
            "direction": "out",
            "segmentCount": 1,
            "tag": f"{new_id()}.1",
        },
    }


@fault(hold_s=6, tells=False)
async def _callbacks_refused(ground: Ground) -> AsyncIterator[None]:
    ground.sink.status = 500
    yield
    ground.sink.hear()


@fault(hold_s=6, tells=False)
async def _callbacks_unheard(ground: Ground) -> AsyncIterator[None]:
    ground.sink.fall_deaf()
    yield
    ground.sink.hear()


WIRES: Mapping[str, Fault] = {
    "redis-refuses": _refusing(_to_redis),
    "redis-unreachable": _frozen(_to_redis),
    "redis-slow": _slow(_to_redis, 0.1),
    "redis-answers-lost": _cut(_to_redis, 0.2),
    "carrier-refuses": _refusing(_to_carrier),
    "carrier-unreachable": _frozen(_to_carrier),
    "carrier-slow": _slow(_to_carrier, 0.7),
    "carrier-answers-lost": _cut(_to_carrier, 0.5),
}
CARRIER: Mapping[str, Fault] = {
    "carrier-takes-and-drops": _dialled(accept_then_drop=0.5, event_delay_ms=1500),
    "carrier-errs": _dialled(
        errors={"429": 0.2, "500": 0.1, "503": 0.2}, html_errors=True, no_id=0.1, retry_after_s=1
    ),
    "carrier-forgets-tokens": _dialled(hold_s=3, revoke_tokens=True, token_errors={"503": 0.3}),
    "events-storm": _storm,
    "events-before-answers": _dialled(events_before_answer=True, duplicate_events=0.5, latency_jitter_ms=500),
    "events-in-any-order": _dialled(duplicate_events=0.5, reorder_events=1, event_delay_ms=300),
}
CALLBACKS: Mapping[str, Fault] = {
    "callbacks-refused": _callbacks_refused,
    "callbacks-unheard": _callbacks_unheard,
}
