"""Examples for the OpenAPI document; tests run them through the dialect."""

from http import HTTPStatus
from typing import Any

from broker.dialects.native.problem import TYPE_PREFIX

_ID = "019a9f2e-7c00-7a3b-9d51-2f6f0c0a8e11"
_SECOND_ID = "019a9f2e-7c00-7b42-8a0c-5e3d9f71c2d4"
_BATCH = "019a9f2e-7c00-7c55-b1f7-08d2c4e6a973"
_SHA256 = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"

SENDS: dict[str, Any] = {
    "text": {"value": {"to": "+12025550101", "from": "+12025550150", "text": "Your parcel is at the door."}},
    "picture": {
        "value": {
            "to": "+12025550101",
            "text": "Spring is here",
            "subject": "Spring",
            "media": [{"url": "https://shop.example/spring.jpg"}],
            "reference": "campaign-7",
            "tags": {"campaign": "spring"},
        }
    },
    "group": {"value": {"to": ["+12025550101", "+12025550102"], "text": "Dinner at eight?", "group": True}},
}
FORM: dict[str, Any] = {"fields": {"value": {"message": SENDS["text"]["value"]}}}
ACCEPTED = {"id": _ID, "status": "accepted", "to": "+12025550101", "durability": "fsync"}
BATCH = {
    "batch": _BATCH,
    "messages": [
        {"id": _ID, "to": "+12025550101", "status": "accepted"},
        {"id": _SECOND_ID, "to": "+12025550102", "status": "accepted"},
    ],
    "durability": "fsync",
}
_SUMMARY: dict[str, Any] = {
    "id": _ID,
    "direction": "in",
    "status": "ready",
    "from": "+12025550101",
    "to": "+12025550150",
    "text": "Look at this",
    "subject": "",
    "reference": None,
    "number": None,
    "note": "",
    "subaccount": "",
    "batch": None,
    "priority": "normal",
    "connection": "bandwidth-1",
    "provider_ref": "17000abc",
    "possible_duplicate": False,
    "created_at": "2026-01-17T13:10:26.412Z",
    "send_at": None,
    "valid_until": "2026-01-18T13:10:26.412Z",
    "parts": [
        {
            "id": f"{_ID}.1",
            "index": 1,
            "content_type": "image/jpeg",
            "size": 48213,
            "sha256": _SHA256,
            "state": "stored",
            "path": f"/data/MMSAttachments/{_ID}/1-cat.jpg",
        }
    ],
    "tags": [{"name": "attachment", "value": f"/data/MMSAttachments/{_ID}/1-cat.jpg"}],
}
MESSAGE: dict[str, Any] = {
    **_SUMMARY,
    "updated_at": "2026-01-17T13:10:27.005Z",
    "attempts": [],
    "events": [
        {"seq": 1, "at": "2026-01-17T13:10:26.412Z", "type": "fetch", "status": "fetching", "detail": ""},
        {"seq": 2, "at": "2026-01-17T13:10:27.005Z", "type": "ready", "status": "ready", "detail": ""},
    ],
}
PAGE: dict[str, Any] = {"data": [_SUMMARY], "next_cursor": None}
BILLS: dict[str, Any] = {
    "data": [
        {
            "request_id": _ID,
            "message_id": _ID,
            "account": "acme",
            "subaccount": "shop",
            "note": "order 4711",
            "from": "12025550150",
            "to": "12025550101",
            "kind": "sms",
            "accepted_at": "2026-01-17T13:10:26.412Z",
            "final_at": "2026-01-17T13:10:29.118Z",
            "status": 3,
            "outcome": "delivered",
            "bytes": 42,
            "parts": 1,
            "units": 1,
            "provider_message_id": "17000abc",
        }
    ],
    "next_cursor": None,
}
OPT_OUTS: dict[str, Any] = {
    "data": [
        {
            "id": "17",
            "account": "acme",
            "sender": "+12025550150",
            "recipient": "+12025550101",
            "at": "2026-01-17T13:10:26.000Z",
            "who": "recipient",
            "reason": "",
            "message_id": _ID,
            "text": "STOP",
        }
    ],
    "next_cursor": None,
}
MEDIA = {"id": _ID, "content_type": "image/jpeg", "size": 48213, "sha256": _SHA256}


def problem_example(status: int, code: str, reason: str) -> dict[str, Any]:
    """Return a problem document as an answer with this status has it."""
    wrong = [{"pointer": "/from", "code": code, "message": "must be a string"}]
    return {
        "type": TYPE_PREFIX + code,
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": reason,
        "code": code,
        "errors": wrong if status == HTTPStatus.UNPROCESSABLE_ENTITY else [],
    }
