"""The ledger, as operators ask for it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import orjson

from broker.dialects.native.lookup import stamp
from broker.dialects.native.parameters import moment_of, parameters
from broker.domain.ledger import Line
from broker.domain.wire import Call, Response

_JSON = {"Content-Type": "application/json", "Cache-Control": "no-store"}


def parse_ledger_query(call: Call) -> tuple[datetime | None, str | None]:
    """Return since when, and of which account, the ledger is asked for.

    Raises:
        RequestError: a parameter is unknown, twice there or has a value that cannot be used.
    """
    given = parameters(call, {"since", "account"})
    return moment_of(given, "since"), given.get("account") or None


def balanced(lines: Sequence[Line], number: int) -> Response:
    """Return the lines of the ledger, and the one number that says whether it balances."""
    body = {"difference": number, "data": [_row(line) for line in lines]}
    return Response(status=200, headers=_JSON, body=orjson.dumps(body))


def _row(line: Line) -> dict[str, Any]:
    standing = line.standing
    return {
        "account": line.account,
        "hour": stamp(line.hour),
        "accepted": line.accepted,
        "waiting": standing.waiting,
        "in_flight": standing.in_flight,
        "final": standing.final,
        "parked": standing.parked,
        "difference": line.difference,
        "checked_at": stamp(line.checked_at),
    }
