"""Connections as operators see, pause and resume them."""

from collections.abc import Sequence
from typing import Any

import orjson

from broker.dialects.native.fields import fields
from broker.dialects.native.lookup import stamp
from broker.domain.usage import Usage
from broker.domain.wire import Call, Response

_JSON = {"Content-Type": "application/json", "Cache-Control": "no-store"}


def parse_reason(call: Call) -> str:
    """Return the reason that a request gives.

    Raises:
        RequestError: there is none, or anything else.
    """
    return fields(call, needed=("reason",))["reason"]


def connections_listed(rows: Sequence[Usage]) -> Response:
    """Return how connections stand."""
    return Response(status=200, headers=_JSON, body=orjson.dumps({"data": [_row(row) for row in rows]}))


def connection_changed(row: Usage) -> Response:
    """Return how one connection stands now."""
    return Response(status=200, headers=_JSON, body=orjson.dumps(_row(row)))


def _row(row: Usage) -> dict[str, Any]:
    state = "paused" if row.paused_at else "held" if row.held_at else "open"
    since = row.paused_at or row.held_at
    return {
        "name": row.name,
        "provider": row.provider,
        "state": state,
        "since": None if since is None else stamp(since),
        "reason": row.paused_reason if row.paused_at else row.held_reason,
        "mps": row.mps,
        "sender_mps": row.sender_mps,
        "mps_unit": row.mps_unit,
        "waiting": row.waiting,
    }
