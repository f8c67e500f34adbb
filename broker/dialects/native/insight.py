"""The audit, stored attachments and settings, as operators ask for them."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import orjson

from broker.dialects.native.lookup import decode_cursor, encode_cursor, stamp
from broker.dialects.native.parameters import limit_of, parameters
from broker.domain.address import mask
from broker.domain.deed import DeedQuery, Noted
from broker.domain.ids import part_id
from broker.domain.message import Message, Part, PartState
from broker.domain.search import FileSearch, Found
from broker.domain.wire import Call, Response
from broker.errors import Malformed

KINDS = ("image", "video", "audio", "text", "application")
"""Types of files by their first word."""
_JSON = {"Content-Type": "application/json", "Cache-Control": "no-store"}
_MOST_DIGITS = 18


def parse_audit_query(call: Call) -> DeedQuery:
    """Return which deeds a call asks for.

    Raises:
        RequestError: a parameter is unknown, twice there or has a value that cannot be used.
    """
    given = parameters(call, {"operator", "action", "subject", "cursor", "limit"})
    cursor = given.get("cursor", "")
    if cursor and not (cursor.isascii() and cursor.isdigit() and len(cursor) <= _MOST_DIGITS):
        raise Malformed("must be a next_cursor of an earlier answer", pointer="/cursor")
    words: dict[str, Any] = {name: given.get(name, "") for name in ("operator", "action", "subject")}
    return DeedQuery(**words, before=int(cursor) if cursor else None, limit=limit_of(given))


def audited(rows: Sequence[Noted], last: int | None) -> Response:
    """Return one page of the audit."""
    return _page([_deed(row) for row in rows], None if last is None else str(last))


def parse_file_query(call: Call) -> FileSearch:
    """Return which stored files a call asks for; raises as `parse_audit_query`."""
    given = parameters(call, {"account", "type", "cursor", "limit"})
    kind = given.get("type", "")
    if kind and kind not in KINDS:
        raise Malformed(f"must be one of {', '.join(KINDS)}", pointer="/type")
    return FileSearch(
        account=given.get("account", ""),
        kind=f"{kind}/" if kind else "",
        cursor=decode_cursor(given["cursor"]) if given.get("cursor") else "",
        limit=limit_of(given),
    )


def filed(found: Found) -> Response:
    """Return one page of messages with their stored files; an empty page with a cursor says how far it looked."""
    return _page([_files(one) for one in found.messages], found.older and encode_cursor(found.older))


def configured(rows: Iterable[Mapping[str, str]], versions: Mapping[str, str]) -> Response:
    """Return settings, none of which is a secret, and versions."""
    return Response(
        status=200, headers=_JSON, body=orjson.dumps({"data": list(rows), "versions": dict(versions)})
    )


def _page(rows: Sequence[Mapping[str, Any]], cursor: str | None) -> Response:
    return Response(
        status=200, headers=_JSON, body=orjson.dumps({"data": rows, "next_cursor": cursor or None})
    )


def _deed(row: Noted) -> dict[str, Any]:
    return {
        "id": str(row.id),
        "at": stamp(row.at),
        "operator": row.operator,
        "door": row.door,
        "action": row.action,
        "subject": row.subject,
        "reason": row.reason,
        "details": dict(row.details),
        "refused": row.refused,
    }


def _files(message: Message) -> dict[str, Any]:
    return {
        "message_id": message.id,
        "account": message.account,
        "direction": message.direction,
        "status": message.status,
        "from": mask(message.originator),
        "to": mask(message.recipient),
        "created_at": stamp(message.created_at),
        "files": [_file(message, part) for part in message.parts if part.state is PartState.STORED],
    }


def _file(message: Message, part: Part) -> dict[str, Any]:
    return {
        "id": part_id(message.id, part.index),
        "index": part.index,
        "content_type": part.content_type,
        "name": part.name,
        "size": part.size,
        "sha256": part.sha256,
        "path": part.path,
    }
