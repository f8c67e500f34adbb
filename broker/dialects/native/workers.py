"""Workers as operators see them."""

from collections.abc import Sequence
from typing import Any

import orjson

from broker.dialects.native.lookup import stamp
from broker.domain.shift import Member
from broker.domain.wire import Response

_JSON = {"Content-Type": "application/json", "Cache-Control": "no-store"}


def workers_listed(rows: Sequence[Member]) -> Response:
    """Return how workers stand."""
    return Response(status=200, headers=_JSON, body=orjson.dumps({"data": [_row(row) for row in rows]}))


def worker_changed(row: Member) -> Response:
    """Return how one worker stands now."""
    return Response(status=200, headers=_JSON, body=orjson.dumps(_row(row)))


def _row(row: Member) -> dict[str, Any]:
    return {
        "name": row.name,
        "host": row.host,
        "pid": row.pid,
        "queues": row.queues,
        "state": row.shift,
        "since": None if row.since is None else stamp(row.since),
        "reason": row.reason,
        "silent_s": round(row.silent_s, 3),
        "threads": row.threads,
        "busy": row.busy,
        "done": row.done,
        "failed": row.failed,
        "memory": row.memory,
        "version": row.version,
        "started_at": stamp(row.began),
    }
