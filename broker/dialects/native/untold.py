"""Callbacks that were not told, as operators ask for them and have them told again."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import orjson

from broker.dialects.native.lookup import stamp
from broker.dialects.native.parameters import limit_of, moment_of, one_of, parameters, rate_of
from broker.domain.callback import CallbackState, Untold, UntoldCallback
from broker.domain.ids import is_id
from broker.domain.redaction import redact_url
from broker.domain.wire import Call, Response
from broker.errors import Malformed

_WHICH = frozenset({"state", "account", "since", "until"})
_JSON = {"Content-Type": "application/json", "Cache-Control": "no-store"}
UNTOLD = (CallbackState.GIVEN_UP, CallbackState.HELD)


def parse_untold(call: Call) -> tuple[Untold, str | None, int]:
    """Return which callbacks a list call asks for, after which, and how many.

    Raises:
        RequestError: a parameter is unknown, twice there or has a value that cannot be used.
    """
    given = parameters(call, _WHICH | {"cursor", "limit"})
    cursor = given.get("cursor") or None
    if cursor is not None and not is_id(cursor.partition("_")[0]):
        raise Malformed("must be a next_cursor of an earlier answer", pointer="/cursor")
    return _which(given), cursor, limit_of(given)


def parse_replay(call: Call) -> tuple[Untold, float]:
    """Return which callbacks are to be told again, and how many a second.

    Raises:
        RequestError: as `parse_untold`.
    """
    given = parameters(call, _WHICH | {"rate"})
    return _which(given), rate_of(given)


def listed(rows: Sequence[UntoldCallback], next_cursor: str | None) -> Response:
    """Return one page of callbacks that were not told."""
    body = {"data": [_row(row) for row in rows], "next_cursor": next_cursor}
    return Response(status=200, headers=_JSON, body=orjson.dumps(body))


def replayed(count: int, until: datetime) -> Response:
    """Return how many will be told again, and by when each was tried once."""
    return Response(status=202, headers=_JSON, body=orjson.dumps({"count": count, "until": stamp(until)}))


def _which(given: Mapping[str, str]) -> Untold:
    state = one_of(CallbackState, given, "state")
    if state is not None and state not in UNTOLD:
        raise Malformed(f"must be one of {', '.join(UNTOLD)}", pointer="/state")
    return Untold(
        states=UNTOLD if state is None else (state,),
        account=given.get("account") or None,
        since=moment_of(given, "since"),
        until=moment_of(given, "until"),
    )


def _row(row: UntoldCallback) -> dict[str, Any]:
    return {
        "id": row.id,
        "message_id": row.message_id,
        "account": row.account,
        "status": row.status,
        "state": row.state,
        "at": stamp(row.at),
        "url": redact_url(row.url),
        "http_status": row.http_status,
        "error": row.error,
    }
