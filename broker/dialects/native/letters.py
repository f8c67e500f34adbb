"""Dead letters, as operators ask for them, have them put back, or discard them."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import orjson

from broker.dialects.native.lookup import stamp
from broker.dialects.native.parameters import limit_of, moment_of, one_of, parameters, rate_of
from broker.domain.dead import Kind, Letter, Letters, Standing
from broker.domain.ids import is_id
from broker.domain.wire import Call, Response
from broker.errors import Malformed

_WHICH = frozenset({"id", "kind", "account", "connection", "error", "since", "until"})
_JSON = {"Content-Type": "application/json", "Cache-Control": "no-store"}


def parse_letters(call: Call) -> tuple[Letters, str | None, int]:
    """Return which dead letters a list call asks for, after which, and how many.

    Raises:
        RequestError: a parameter is unknown, twice there or has a value that cannot be used.
    """
    given = parameters(call, _WHICH | {"standing", "cursor", "limit"})
    cursor = given.get("cursor") or None
    if cursor is not None and not is_id(cursor):
        raise Malformed("must be a next_cursor of an earlier answer", pointer="/cursor")
    standing = one_of(Standing, given, "standing") or Standing.PARKED
    return _which(given, standing), cursor, limit_of(given)


def parse_put_back(call: Call) -> tuple[Letters, float, str]:
    """Return which parked letters are to be put back, how many a second, and why.

    Raises:
        RequestError: as `parse_letters`.
    """
    given = parameters(call, _WHICH | {"rate", "reason"})
    return _which(given, Standing.PARKED), rate_of(given), given.get("reason") or ""


def parse_discard(call: Call) -> tuple[Letters, str]:
    """Return which parked letters are to be discarded, and why.

    Raises:
        RequestError: as `parse_letters`; there is no reason.
    """
    given = parameters(call, _WHICH | {"reason"})
    reason = (given.get("reason") or "").strip()
    if not reason:
        raise Malformed("is needed: it is kept, and customers are told", pointer="/reason")
    return _which(given, Standing.PARKED), reason


def listed_letters(rows: Sequence[Letter], next_cursor: str | None) -> Response:
    """Return one page of dead letters."""
    body = {"data": [_row(row) for row in rows], "next_cursor": next_cursor}
    return Response(status=200, headers=_JSON, body=orjson.dumps(body))


def settled(count: int, until: datetime) -> Response:
    """Return how many letters are to leave, and by when."""
    return Response(status=202, headers=_JSON, body=orjson.dumps({"count": count, "until": stamp(until)}))


def _which(given: Mapping[str, str], standing: Standing) -> Letters:
    return Letters(
        standing=standing,
        kind=one_of(Kind, given, "kind"),
        account=given.get("account") or None,
        connection=given.get("connection") or None,
        error=given.get("error") or None,
        id=given.get("id") or None,
        since=moment_of(given, "since"),
        until=moment_of(given, "until"),
    )


def _row(row: Letter) -> dict[str, Any]:
    return {
        "id": row.id,
        "kind": row.kind,
        "subject": row.subject,
        "account": row.account,
        "connection": row.connection,
        "at": stamp(row.at),
        "tries": row.tries,
        "error": row.error,
        "where": list(row.where),
        "standing": row.standing,
        "settled_at": row.settled_at and stamp(row.settled_at),
        "settled_by": row.settled_by,
        "reason": row.reason,
    }
