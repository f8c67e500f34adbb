"""Erasures as operators ask for them."""

from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from broker.dialects.native.fields import fields
from broker.dialects.native.lookup import stamp
from broker.domain.deed import kept
from broker.domain.erasure import Erasure
from broker.domain.wire import Call, Response

_JSON = {"Content-Type": "application/json", "Cache-Control": "no-store"}


def parse_erasure(call: Call) -> Mapping[str, str]:
    """Return the `number` to erase and the `reason`.

    Raises:
        RequestError: one of them is missing, or of no use.
    """
    return fields(call, needed=("number", "reason"))


def erasure_taken(erasure: Erasure) -> Response:
    """Return that a number will be erased."""
    return Response(status=202, headers=_JSON, body=orjson.dumps(_shown(erasure)))


def erasures_listed(rows: Sequence[Erasure]) -> Response:
    """Return the newest erasures."""
    return Response(status=200, headers=_JSON, body=orjson.dumps({"data": [_shown(row) for row in rows]}))


def _shown(row: Erasure) -> dict[str, Any]:
    return {
        "id": row.id,
        "subject": row.subject,
        "at": stamp(row.at),
        "who": row.who,
        "reason": kept(row.reason),
        "step": row.step,
        "waiting": row.waiting,
        "erased": dict(row.counts),
        "ended_at": row.ended_at and stamp(row.ended_at),
    }
