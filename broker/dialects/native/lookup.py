"""What the native API shows of messages that are ours already."""

import base64
import binascii
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import orjson

from broker.dialects.native.parameters import limit_of, one_of, parameters
from broker.domain.ids import is_id, part_id
from broker.domain.message import Direction, Message, Part, PartState
from broker.domain.record import Attempt, Happening, MessageQuery, Record
from broker.domain.search import TagWish, tag_of
from broker.domain.status import Status
from broker.domain.wire import Call, Response
from broker.errors import Malformed

_MOST_DIGITS = 19
_PARAMETERS = frozenset(
    {"direction", "status", "to", "from", "reference", "number", "tag", "cursor", "limit"}
)
_JSON = {"Content-Type": "application/json", "Cache-Control": "no-store"}


def found(record: Record) -> Response:
    """Return the answer to a look-up by id."""
    return Response(status=200, headers=_JSON, body=orjson.dumps(render_message(record)))


def listed(messages: Sequence[Message], last_id: str | None) -> Response:
    """Return the answer to a list query; `last_id` is None where nothing older is left."""
    return Response(status=200, headers=_JSON, body=orjson.dumps(render_page(messages, last_id)))


def uploaded(media_id: str, *, content_type: str, size: int, sha256: str) -> Response:
    """Return the answer to an upload."""
    body = {"id": media_id, "content_type": content_type, "size": size, "sha256": sha256}
    return Response(status=201, headers=_JSON, body=orjson.dumps(body))


def render_message(record: Record) -> dict[str, Any]:
    """Return all that is known of a message, as JSON values."""
    return {
        **_summary(record.message),
        "updated_at": stamp(record.updated_at),
        "attempts": [_attempt(attempt) for attempt in record.attempts],
        "events": [_event(number, event) for number, event in enumerate(record.events, start=1)],
    }


def render_page(messages: Sequence[Message], last_id: str | None) -> dict[str, Any]:
    """Return one page of messages, newest first, without their history."""
    return {
        "data": [_summary(message) for message in messages],
        "next_cursor": last_id and encode_cursor(last_id),
    }


def parse_list_query(call: Call) -> MessageQuery:
    """Return the question in a list call's query.

    Raises:
        RequestError: a parameter is unknown, twice there or has a value that cannot be used.
    """
    given = parameters(call, _PARAMETERS)
    return MessageQuery(
        direction=one_of(Direction, given, "direction"),
        status=one_of(Status, given, "status"),
        to=_number(given.get("to")),
        from_=_number(given.get("from")),
        reference=given.get("reference") or None,
        number=_public(given.get("number")),
        tag=_tag(given.get("tag")),
        cursor=decode_cursor(given["cursor"]) if given.get("cursor") else None,
        limit=limit_of(given),
    )


def _tag(text: str | None) -> TagWish | None:
    try:
        return tag_of(text) if text else None
    except ValueError as error:
        raise Malformed(str(error), pointer="/tag") from error


def encode_cursor(message_id: str) -> str:
    """Return an opaque cursor for the page after this message."""
    return base64.urlsafe_b64encode(message_id.encode()).decode().rstrip("=")


def decode_cursor(cursor: str) -> str:
    """Return the id that a cursor stands for.

    Raises:
        Malformed: it is not one of ours.
    """
    try:
        message_id = base64.b64decode(
            cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True
        ).decode("ascii")
    except (binascii.Error, ValueError):
        message_id = ""
    if not is_id(message_id):
        raise Malformed("must be a next_cursor of an earlier answer", pointer="/cursor")
    return message_id


def stamp(at: datetime) -> str:
    """Return a time as RFC 3339 in UTC with milliseconds."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds")[:-6] + "Z"


def _number(value: str | None) -> str | None:
    if not value:
        return None
    # A plus sign that nobody encoded arrives as a blank.
    return "+" + value[1:] if value[0] == " " else value


def _public(value: str | None) -> int | None:
    if not value:
        return None
    if not (value.isascii() and value.isdigit() and len(value) <= _MOST_DIGITS and int(value) < 1 << 63):
        raise Malformed("must be a number that we gave out", pointer="/number")
    return int(value)


def _summary(message: Message) -> dict[str, Any]:
    return {
        "id": message.id,
        "direction": message.direction,
        "status": message.status,
        "from": message.originator,
        "to": message.recipient,
        "text": message.text,
        "subject": message.subject,
        "reference": message.reference,
        "number": None if message.number is None else str(message.number),
        "note": message.note,
        "subaccount": message.subaccount,
        "batch": message.batch,
        "priority": message.priority,
        "connection": message.connection,
        "provider_ref": message.provider_ref,
        "possible_duplicate": message.possible_duplicate,
        "created_at": stamp(message.created_at),
        "send_at": message.send_at and stamp(message.send_at),
        "valid_until": stamp(message.valid_until),
        "parts": [_part(message.id, part) for part in message.parts],
        "tags": [{"name": tag.name, "value": tag.value} for tag in message.tags],
    }


def _part(message_id: str, part: Part) -> dict[str, Any]:
    return {
        "id": part_id(message_id, part.index) if part.state is PartState.STORED else None,
        "index": part.index,
        "content_type": part.content_type,
        "size": part.size,
        "sha256": part.sha256,
        "state": part.state,
        "path": part.path,
    }


def _attempt(attempt: Attempt) -> dict[str, Any]:
    return {
        "number": attempt.number,
        "connection": attempt.connection,
        "started_at": stamp(attempt.started_at),
        "ended_at": attempt.ended_at and stamp(attempt.ended_at),
        "outcome": attempt.outcome,
        "http_status": attempt.http_status,
        "error": attempt.error,
    }


def _event(number: int, event: Happening) -> dict[str, Any]:
    return {
        "seq": number,
        "at": stamp(event.at),
        "type": event.type,
        "status": event.status,
        "detail": event.detail,
    }
