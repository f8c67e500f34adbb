"""Dead letters, as operators ask for them, have them put back, or discard them."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import orjson

from broker.dialects.native.lookup import stamp
from broker.dialects.native.parameters import limit_of, moment_of, one_of, parameters, rate_of
from broker.domain.dead import Job, Kind, Letter, Letters, Outlook, Standing
from broker.domain.ids import is_id
from broker.domain.remedy import remedy
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


def parse_put_back(call: Call) -> tuple[Letters, float, str, bool]:
    """Return which parked letters are to be put back, how many a second, and why; or whether it is only asked about.

    Raises:
        RequestError: as `parse_letters`.
    """
    given = parameters(call, _WHICH | {"rate", "reason", "dry_run"})
    return _which(given, Standing.PARKED), rate_of(given), given.get("reason") or "", _is_dry(given)


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


def parse_stop(call: Call) -> str:
    """Return why a job is to be stopped; raises as `parse_letters`."""
    return parameters(call, {"reason"}).get("reason") or ""


def settled(count: int, until: datetime, job: str | None) -> Response:
    """Return how many letters are to leave, by when, and the name of the job that they are."""
    body = {"count": count, "until": stamp(until), "job": job}
    where = {} if job is None else {"Location": f"/v1/dead-letters/jobs/{job}"}
    return Response(status=202, headers={**_JSON, **where}, body=orjson.dumps(body))


def rehearsed(outlook: Outlook) -> Response:
    """Return what would come of letters."""
    body = {
        "count": outlook.number,
        "looked_at": outlook.looked_at,
        "lost": outlook.lost,
        "expired": outlook.expired,
        "opted_out": outlook.opted_out,
        "done": outlook.done,
        "left": outlook.left,
    }
    return Response(status=200, headers=_JSON, body=orjson.dumps(body))


def jobs_listed(rows: Sequence[Job]) -> Response:
    """Return what is not done yet."""
    return Response(status=200, headers=_JSON, body=orjson.dumps({"data": [_job(row) for row in rows]}))


def job_shown(row: Job) -> Response:
    """Return how far a job has come."""
    return Response(status=200, headers=_JSON, body=orjson.dumps(_job(row)))


def _job(row: Job) -> dict[str, Any]:
    until = None if row.until_ms is None else datetime.fromtimestamp(row.until_ms / 1000, tz=UTC)
    return {
        "id": row.id,
        "wanted": row.wanted,
        "by": row.by,
        "reason": row.reason,
        "at": stamp(row.at),
        "count": row.number,
        "leaving": row.leaving,
        "gone": row.gone,
        "parked": row.parked,
        "until": until and stamp(until),
    }


def _is_dry(given: Mapping[str, str]) -> bool:
    value = given.get("dry_run") or "false"
    if value not in {"true", "false"}:
        raise Malformed("must be true or false", pointer="/dry_run")
    return value == "true"


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
        "remedy": remedy(row.kind, row.error),
        "standing": row.standing,
        "settled_at": row.settled_at and stamp(row.settled_at),
        "settled_by": row.settled_by,
        "reason": row.reason,
    }
