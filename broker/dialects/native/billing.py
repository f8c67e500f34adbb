"""Bills in the native API: JSON, or CSV for who accepts nothing else."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

import orjson

from broker.dialects.native.lookup import decode_cursor, encode_cursor
from broker.dialects.native.parameters import limit_of, parameters
from broker.domain.bill import Bill, BillingQuery, csv_text, moment
from broker.domain.wire import Call, Response
from broker.errors import Malformed

PATH = "/v1/billing"
CSV = "text/csv"
_PARAMETERS = frozenset({"since", "until", "cursor", "limit"})


def parse_billing_query(call: Call, zone: ZoneInfo) -> BillingQuery:
    """Return the question in a call's query; dates are days of the account's zone.

    Raises:
        RequestError: a parameter is unknown, twice there or has a value that cannot be used.
    """
    given = parameters(call, _PARAMETERS)
    return BillingQuery(
        since=_moment(given, "since", zone),
        until=_moment(given, "until", zone),
        after=decode_cursor(given["cursor"]) if given.get("cursor") else None,
        limit=limit_of(given),
    )


def billed(call: Call, bills: Sequence[Bill], last_id: str | None) -> Response:
    """Return a page of bills as the call accepts them; in CSV a link leads to the next page."""
    cursor = last_id and encode_cursor(last_id)
    if call.headers.get("accept", "").partition(";")[0].strip().lower() != CSV:
        page = {"data": [bill.values() for bill in bills], "next_cursor": cursor}
        headers = {"Content-Type": "application/json", "Cache-Control": "no-store"}
        return Response(status=200, headers=headers, body=orjson.dumps(page))
    headers = {"Content-Type": f"{CSV}; charset=utf-8; header=present", "Cache-Control": "no-store"}
    if cursor:
        rest = {name: value for name, value in call.query if name != "cursor"}
        headers["Link"] = f'<{PATH}?{urlencode({**rest, "cursor": cursor})}>; rel="next"'
    return Response(status=200, headers=headers, body=csv_text(bills, head=True).encode())


def _moment(given: Mapping[str, str], name: str, zone: ZoneInfo) -> datetime | None:
    value = given.get(name)
    if not value:
        return None
    try:
        # A plus sign that nobody encoded arrives as a blank; a date and its time may be parted by one too.
        return moment(value[:11] + value[11:].replace(" ", "+"), zone)
    except ValueError:
        raise Malformed("must be a date or a time as 2026-01-17T13:10:26Z", pointer=f"/{name}") from None
