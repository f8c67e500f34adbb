"""The event log of a connection as the native API shows it."""

import base64
import binascii
from collections.abc import Sequence
from typing import Any

import orjson

from broker.dialects.native.lookup import stamp
from broker.dialects.native.parameters import limit_of, moment_of, one_of, parameters
from broker.domain.ids import is_id
from broker.domain.logbook import Entry, Level, LogQuery, Order, Position, Way
from broker.domain.wire import Call, Response
from broker.errors import Malformed

_PARAMETERS = frozenset({"since", "until", "direction", "level", "message", "order", "cursor", "limit"})
_JSON = {"Content-Type": "application/json", "Cache-Control": "no-store"}
_MOST_RANKS = 4
_LONGEST_ROW = 64


def parse_log_query(call: Call, connection: str) -> LogQuery:
    """Return the question in a call's query.

    Raises:
        RequestError: a parameter is unknown, twice there or has a value that cannot be used.
    """
    given = parameters(call, _PARAMETERS)
    message = given.get("message") or None
    if message is not None and not is_id(message):
        raise Malformed("must be the id of a message", pointer="/message")
    order = one_of(Order, given, "order") or Order.NEWEST
    return LogQuery(
        connection=connection,
        since=moment_of(given, "since"),
        until=moment_of(given, "until"),
        direction=one_of(Way, given, "direction"),
        least=one_of(Level, given, "level") or Level.INFO,
        message=message,
        oldest_first=order is Order.OLDEST,
        after=decode_position(given["cursor"]) if given.get("cursor") else None,
        limit=limit_of(given),
    )


def logged(found: Sequence[tuple[Position, Entry]], further: Position | None) -> Response:
    """Return one page of the log."""
    body = {
        "data": [_entry(place, entry) for place, entry in found],
        "next_cursor": None if further is None else encode_position(further),
    }
    return Response(status=200, headers=_JSON, body=orjson.dumps(body))


def encode_position(place: Position) -> str:
    """Return an opaque cursor, which is also the entry's id."""
    text = orjson.dumps([place.at_ms, place.rank, place.row, place.part])
    return base64.urlsafe_b64encode(text).decode().rstrip("=")


def decode_position(cursor: str) -> Position:
    """Return the position that a cursor stands for.

    Raises:
        Malformed: it is not one of ours.
    """
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        at_ms, rank, row, part = orjson.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
    except (binascii.Error, ValueError, TypeError):
        raise Malformed("must be a next_cursor of an earlier answer", pointer="/cursor") from None
    numbers = all(isinstance(one, int) and 0 <= one < 2**48 for one in (at_ms, rank, part))
    if not numbers or rank >= _MOST_RANKS or not isinstance(row, str) or not _is_row(row, rank):
        raise Malformed("must be a next_cursor of an earlier answer", pointer="/cursor")
    return Position(at_ms=at_ms, rank=rank, row=row, part=part)


def _is_row(row: str, rank: int) -> bool:
    """Say whether a cursor names a row of its source: a number, a message with a number, or a digest."""
    if not row.isascii() or len(row) > _LONGEST_ROW:
        return False
    if rank == 1:
        return row.isdigit() and int(row) < 2**63
    if rank == _MOST_RANKS - 1:
        return row.isalnum()
    message_id, _, number = row.partition(".")
    return is_id(message_id) and number.isdigit() and int(number) < 2**31


def _entry(place: Position, entry: Entry) -> dict[str, Any]:
    return {
        "id": encode_position(place),
        "at": stamp(entry.at),
        "connection": entry.connection,
        "level": entry.level,
        "direction": entry.direction,
        "kind": entry.kind,
        "message_id": entry.message_id,
        "text": entry.text,
        "headers": dict(entry.headers),
        "body": entry.body,
        "tags": [{"name": tag.name, "value": tag.value} for tag in entry.tags],
    }
