"""JSON answers in the envelope that the vendor's clients read (sheet 4.2 with 5.3)."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import orjson

from broker.dialects.base import TEXT_LIMIT
from broker.dialects.ozeki.codes import ACCEPTED_TEXT, Fault
from broker.dialects.ozeki.dates import FARTHEST, read_leniently, write
from broker.dialects.ozeki.drafts import VALIDITY_S
from broker.dialects.ozeki.naming import id_of
from broker.dialects.ozeki.reports import AcceptReport
from broker.domain.ask import Shown
from broker.domain.draft import Draft
from broker.domain.message import Direction, Part, PartState
from broker.domain.wire import Response

SUCCESS = "SUCCESS"
_EMPTY = {
    "total_count": 0,
    "success_count": 0,
    "failed_count": 0,
    "messages": [],
    "folder": "inbox",
    "message_ids": [],
    "limit": "0",
    "data": [],
}
"""What every one of the vendor's clients finds something in."""
_SWITCHES = ("submit_report_requested", "delivery_report_requested", "view_report_requested")
_CHALLENGE = {"WWW-Authenticate": 'Basic realm="Ozeki"'}


def failure(fault: Fault, *, http: int | None = None, headers: Mapping[str, str] | None = None) -> Response:
    """Return the answer to a call that is refused as a whole; `http` replaces the fault's own status."""
    status = fault.http if http is None else http
    challenge = _CHALLENGE if status == 401 else {}  # noqa: PLR2004  # the status that needs a challenge
    return _response(
        {"http_code": status, "response_code": fault.word, "response_msg": fault.text, "data": _EMPTY},
        {**challenge, **(headers or {})},
    )


def queued(messages: Sequence[Mapping[str, Any]]) -> Response:
    """Return dialect B's answer; failed messages do not change its status."""
    return _response(
        {
            "http_code": 200,
            "response_code": SUCCESS,
            "response_msg": "Messages queued.",
            "data": _counted(messages, len(messages)),
        }
    )


def accepted(messages: Sequence[Mapping[str, Any]], message_id: str, *, shown: int) -> Response:
    """Return dialect C's answer, in both layouts; it counts all messages and shows the first `shown`."""
    return _response(
        {
            "http_code": 200,
            "response_code": SUCCESS,
            "response_msg": ACCEPTED_TEXT,
            "data": _counted(messages, shown),
            "messageid": message_id,
        }
    )


def none_accepted(
    messages: Sequence[Mapping[str, Any]], fault: Fault, *, shown: int, http: int, headers: Mapping[str, str]
) -> Response:
    """Return dialect C's answer where every message failed; `fault` is the first one's."""
    return _response(
        {
            "http_code": http,
            "response_code": fault.word,
            "response_msg": fault.text,
            "data": _counted(messages, shown),
            "statuscode": fault.code,
            "statusmessage": fault.text,
        },
        headers,
    )


def received(folder: str, limit: int, shown: Sequence[Shown]) -> Response:
    """Return what a poll of the libraries found; the Java one reads the limit as a text (sheet 5.2)."""
    messages = [_found_message(one) for one in shown]
    return _found({"folder": folder, "limit": str(limit), "data": messages})


def changed(folder: str | None, ids: Sequence[str]) -> Response:
    """Return which messages were deleted or marked; clients take those that are missing for failed."""
    return _found({**({} if folder is None else {"folder": folder}), "message_ids": ids})


def one_found(shown: Shown) -> Response:
    """Return one message, for who asks for JSON in the classic form."""
    return _found({"messages": [_found_message(shown)]})


def balance(account: str, left: int) -> Response:
    """Return what is left of an account's credit, for who asks for JSON."""
    return _found({"username": account, "balance": left})


def _found(data: Mapping[str, Any]) -> Response:
    return _response({"http_code": 200, "response_code": SUCCESS, "response_msg": "", "data": data})


def _found_message(shown: Shown) -> dict[str, Any]:
    message, zone = shown.record.message, shown.timezone
    outgoing = message.direction is Direction.OUT
    ours, theirs = ("from", "to") if outgoing else ("to", "from")
    found = {
        "message_id": id_of(message),
        f"{ours}_station": message.account,
        f"{ours if outgoing else theirs}_connection": message.connection or "",
        "from_address": message.originator,
        "to_address": message.recipient,
        "text": message.text,
        "create_date": write(message.created_at, zone),
        "valid_until": write(message.valid_until, zone),
        "time_to_send": write(message.send_at or message.created_at, zone),
        **dict.fromkeys(_SWITCHES, outgoing),
        "tags": [{"name": tag.name, "value": tag.value} for tag in message.tags],
        "status": SUCCESS,
    }
    files = [_attachment(part, shown.links) for part in message.parts if part.state is PartState.STORED]
    return found | ({"attachments": files} if files else {})


def _attachment(part: Part, links: Mapping[int, str]) -> dict[str, Any]:
    return {
        "name": part.name,
        "contenttype": part.content_type,
        "size": part.size,
        "filename": part.path or "",
        "url": links.get(part.index, ""),
    }


def short_message(report: AcceptReport, draft: Draft | None) -> dict[str, Any]:
    """Return one message of dialect C's answer."""
    return {
        "message_id": report.message_id,
        "to_address": report.recipient,
        "status": SUCCESS if not report.code else report.text,
        "tags": _tags(draft),
    }


def long_message(
    report: AcceptReport, fields: Mapping[str, Any], draft: Draft | None, *, user: str, now: datetime
) -> dict[str, Any]:
    """Return one message of dialect B's answer; `fields` are what the client said, `user` who it is."""
    text = fields.get("text", "")
    text = text if isinstance(text, str) and len(text) <= TEXT_LIMIT else ""
    head = {"message_id": report.message_id}
    tail = {"tags": _tags(draft), "status": SUCCESS if not report.code else report.text}
    if draft is None:
        return {**head, "to_address": report.recipient, "text": text, **tail}
    stations = {name: fields[name] for name in ("from_connection", "from_address") if name in fields}
    created = read_leniently(fields.get("create_date")) or now
    if abs(created - now) > FARTHEST:
        created = now
    return {
        **head,
        "from_station": _station(fields) or user,
        **stations,
        "to_address": report.recipient,
        "text": text,
        "create_date": write(created),
        "valid_until": write(draft.valid_until or (draft.send_at or created) + timedelta(seconds=VALIDITY_S)),
        "time_to_send": write(draft.send_at or created),
        **{name: fields.get(name, True) is not False for name in _SWITCHES},
        **tail,
    }


def _station(fields: Mapping[str, Any]) -> str:
    value = fields.get("from_station", "")
    return value[:64] if isinstance(value, str) else ""


def _tags(draft: Draft | None) -> list[dict[str, str]]:
    return [{"name": tag.name, "value": tag.value} for tag in draft.tags] if draft else []


def _counted(messages: Sequence[Mapping[str, Any]], shown: int) -> dict[str, Any]:
    taken = sum(message["status"] == SUCCESS for message in messages)
    return {
        "total_count": len(messages),
        "success_count": taken,
        "failed_count": len(messages) - taken,
        "messages": messages[:shown],
    }


def _response(document: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> Response:
    return Response(
        status=document["http_code"],
        headers={"Content-Type": "application/json", **(headers or {})},
        body=orjson.dumps(document),
    )
