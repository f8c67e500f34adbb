"""Opt-outs as accounts see theirs, and as operators change them."""

from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from broker.dialects.native.fields import fields
from broker.dialects.native.lookup import stamp
from broker.dialects.native.parameters import limit_of, parameters
from broker.domain.address import normalise, normalise_originator
from broker.domain.deed import kept
from broker.domain.optout import Journalled, OptOut, OptOutQuery
from broker.domain.pseudonym import PREFIX
from broker.domain.wire import Call, Response
from broker.errors import Malformed

_FILTERS = ("sender", "recipient")
_JSON = {"Content-Type": "application/json", "Cache-Control": "no-store"}
_MOST_DIGITS = 18
COUNTRY = "US"
"""How numbers are read that operators type without a prefix."""


def parse_opt_out_query(call: Call, *, account: str | None = None) -> OptOutQuery:
    """Return which opt-outs a call asks for; only an operator, who has no account, may name one.

    Raises:
        RequestError: a parameter is unknown, twice there or has a value that cannot be used.
    """
    names = {*_FILTERS, "cursor", "limit", *(("account",) if account is None else ())}
    given = parameters(call, names)
    # A plus sign that nobody encoded arrives as a blank.
    sender, recipient = (given[name].replace(" ", "+", 1) if given.get(name) else None for name in _FILTERS)
    return OptOutQuery(
        account=account or given.get("account") or None,
        sender=sender,
        recipient=recipient,
        after=_place(given.get("cursor")),
        limit=limit_of(given),
    )


def parse_opt_out(call: Call) -> Mapping[str, str]:
    """Return the `account`, `sender`, `recipient` and `reason` of a request to change an opt-out.

    Raises:
        RequestError: one of them is missing, or of no use.
    """
    found = dict(fields(call, needed=("sender", "recipient", "reason"), also=("account",)))
    found["sender"] = normalise_originator(found["sender"], COUNTRY, pointer="/sender")
    if not found["recipient"].startswith(PREFIX):
        found["recipient"] = normalise(found["recipient"], COUNTRY, pointer="/recipient")
    return found


def opt_outs_listed(rows: Sequence[OptOut], last: int | None) -> Response:
    """Return one page of opt-outs, or of changes to them."""
    body = {"data": [render_opt_out(row) for row in rows], "next_cursor": None if last is None else str(last)}
    return Response(status=200, headers=_JSON, body=orjson.dumps(body))


def opt_out_changed(*, changed: bool) -> Response:
    """Return whether a change changed anything."""
    return Response(status=200, headers=_JSON, body=orjson.dumps({"changed": changed}))


def render_opt_out(row: OptOut) -> dict[str, Any]:
    """Return an opt-out, or a change with what was wished, as JSON values."""
    shown = {
        "id": str(row.id),
        "account": row.account,
        "sender": row.sender,
        "recipient": row.recipient,
        "at": stamp(row.at),
        "who": row.who,
        "reason": kept(row.reason),
        "message_id": row.message_id,
        "text": row.text,
    }
    return {**shown, "wish": row.wish} if isinstance(row, Journalled) else shown


def _place(cursor: str | None) -> int:
    if not cursor:
        return 0
    if not (cursor.isascii() and cursor.isdigit() and len(cursor) <= _MOST_DIGITS):
        raise Malformed("must be a next_cursor of an earlier answer", pointer="/cursor")
    return int(cursor)
