"""Parked news of carriers and their journaled webhooks, as operators ask for them."""

import base64
import binascii
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import orjson

from broker.dialects.native.lookup import stamp
from broker.dialects.native.parameters import limit_of, moment_of, parameters
from broker.domain.address import mask
from broker.domain.wire import Call, Response
from broker.errors import Malformed

REASONS = {"report": "no such message", "arrival": "nobody's number"}
"""What kinds of news wait, with why."""

_JSON = {"Content-Type": "application/json", "Cache-Control": "no-store"}


def parse_parked(call: Call) -> tuple[dict[str, Any], int, int]:
    """Return which parked news is to be listed, after which row, and how much.

    Raises:
        RequestError: a parameter is unknown, twice there or has a value that cannot be used.
    """
    given = parameters(call, {"connection", "kind", "since", "until", "cursor", "limit"})
    kind, cursor = given.get("kind"), given.get("cursor") or "0"
    if kind and kind not in REASONS:
        raise Malformed(f"must be one of {', '.join(REASONS)}", pointer="/kind")
    if not (cursor.isascii() and cursor.isdigit() and len(cursor) < 19):  # noqa: PLR2004 - of 64 bits
        raise Malformed("must be a next_cursor of an earlier answer", pointer="/cursor")
    which = {
        "connection": given.get("connection") or None,
        "reason": REASONS[kind] if kind else None,
        "since": moment_of(given, "since"),
        "until": moment_of(given, "until"),
    }
    return which, int(cursor), limit_of(given)


def parse_reread(call: Call) -> tuple[dict[str, Any], dict[str, Any] | None]:
    """Return which stretch of the journal is to be read again, and after which place in it.

    Raises:
        RequestError: as `parse_parked`; the stretch has no beginning or no end.
    """
    given = parameters(call, {"connection", "from", "until", "cursor"})
    since, until = moment_of(given, "from"), moment_of(given, "until")
    if since is None:
        raise Malformed("is needed", pointer="/from")
    if until is None:
        raise Malformed("is needed", pointer="/until")
    if since >= until:
        raise Malformed("must come after from", pointer="/until")
    stretch = {"since": since, "until": until, "connection": given.get("connection") or None}
    return stretch, _place(given.get("cursor") or "")


def listed_parked(rows: Sequence[tuple[int, Mapping[str, Any]]], next_cursor: int | None) -> Response:
    """Return one page of parked news, without content or whole numbers."""
    body = {
        "data": [parked_row(row, item) for row, item in rows],
        "next_cursor": None if next_cursor is None else str(next_cursor),
    }
    return Response(status=200, headers=_JSON, body=orjson.dumps(body))


def reread_page(counts: Mapping[str, int], last: Mapping[str, Any] | None) -> Response:
    """Return what came of a page of webhooks, and where the next one begins."""
    cursor = None if last is None else _cursor(last)
    return Response(status=200, headers=_JSON, body=orjson.dumps({**counts, "next_cursor": cursor}))


def parked_row(row: int, item: Mapping[str, Any]) -> dict[str, Any]:
    """Return a piece of parked news as JSON values."""
    news: Mapping[str, Any] = orjson.loads(item["news"])
    is_report = item["reason"] == REASONS["report"]
    return {
        "id": str(row),
        "kind": "report" if is_report else "arrival",
        "connection": item["connection"],
        "at": stamp(item["at"]),
        "event": news.get("event") if is_report else None,
        "message_id": news.get("message_id"),
        "provider_ref": news.get("provider_ref"),
        "from": mask(news["originator"]) if news.get("originator") else None,
        "to": mask(news["recipient"]) if news.get("recipient") else None,
        "reason": item["reason"],
        "looked_at_again": item["due_at"] is not None or not is_report,
    }


def _cursor(last: Mapping[str, Any]) -> str:
    at = last["at"].astimezone(UTC).isoformat()
    return base64.urlsafe_b64encode(orjson.dumps([last["connection"], at, last["digest"]])).decode()


def _place(cursor: str) -> dict[str, Any] | None:
    if not cursor:
        return None
    try:
        name, at, digest = orjson.loads(base64.urlsafe_b64decode(cursor))
        return {"connection": str(name), "at": datetime.fromisoformat(at), "digest": str(digest)}
    except (ValueError, TypeError, binascii.Error):
        raise Malformed("must be a next_cursor of an earlier answer", pointer="/cursor") from None
