"""What a create request must look like (bandwidth.md section 2)."""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

_E164 = re.compile(r"\+[1-9][0-9]{6,14}")
_SHORT_CODE = re.compile(r"[0-9]{3,8}")
_ALPHANUMERIC = re.compile(r"(?=.*[A-Za-z])[A-Za-z0-9 \-+_&]{1,11}")
_MAX_TEXT = 2048
_MAX_TAG = 1024
_MAX_URL = 4096
_MAX_RECIPIENTS = 10
_MAX_MEDIA = 10

Problems = list[tuple[str, str]]
"""Field name, then what is wrong with it."""


def problems_of(body: Mapping[str, Any], *, application: str) -> Problems:
    """Return what is wrong with a create request: nothing, for most."""
    found: Problems = []
    application_id = body.get("applicationId")
    if not isinstance(application_id, str) or not application_id:
        found.append(("applicationId", "'applicationId' must be provided"))
    elif application and application_id != application:
        found.append(("applicationId", "'applicationId' is not one of this account's"))
    _check_sender(body.get("from"), found)
    _check_recipients(body.get("to"), found)
    if not body.get("text") and not body.get("media"):
        found.append(("text", "Either 'text' or 'media' must be provided"))
    for name, check in _OPTIONAL.items():
        if name in body:
            reason = check(body[name])
            if reason:
                found.append((name, f"'{name}' {reason}"))
    return found


def _check_sender(sender: Any, found: Problems) -> None:
    if not isinstance(sender, str) or not sender:
        found.append(("from", "'from' must be provided"))
    elif not (_E164.fullmatch(sender) or _SHORT_CODE.fullmatch(sender) or _ALPHANUMERIC.fullmatch(sender)):
        found.append(("from", f"'{sender}' must be an E164 telephone number, a short code or a name"))


def _check_recipients(recipients: Any, found: Problems) -> None:
    if not isinstance(recipients, list) or not recipients:
        found.append(("to", "'to' must be a list with at least one number"))
    elif len(recipients) > _MAX_RECIPIENTS:
        found.append(("to", f"'to' may hold at most {_MAX_RECIPIENTS} numbers"))
    else:
        for recipient in recipients:
            if not isinstance(recipient, str) or not _E164.fullmatch(recipient):
                found.append(("to", f"'{recipient}' must be an E164 telephone number"))
        if len(recipients) > 1 and len(set(map(str, recipients))) != len(recipients):
            found.append(("to", "'to' must not name a number twice"))


def _text(value: Any) -> str:
    # The vendor takes an empty text beside media, but never null.
    if not isinstance(value, str):
        return "must be a string"
    return f"must be at most {_MAX_TEXT} characters" if len(value) > _MAX_TEXT else ""


def _media(value: Any) -> str:
    if not isinstance(value, list) or len(value) > _MAX_MEDIA:
        return f"must be a list of at most {_MAX_MEDIA} URLs"
    fine = all(
        isinstance(u, str) and u.startswith(("http://", "https://")) and len(u) <= _MAX_URL for u in value
    )
    return "" if fine else "must hold URLs only"


def _tag(value: Any) -> str:
    fine = isinstance(value, str) and len(value) <= _MAX_TAG
    return "" if fine else f"must be a string of at most {_MAX_TAG} characters"


def _priority(value: Any) -> str:
    return "" if value in {"default", "high"} else "must be 'default' or 'high'"


def _expiration(value: Any) -> str:
    try:
        ends = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        return "must be a date-time"
    if ends.tzinfo is None:
        return "must carry a time zone"
    return "" if ends > datetime.now(UTC) else "must lie in the future"


_OPTIONAL: Mapping[str, Callable[[Any], str]] = {
    "text": _text,
    "media": _media,
    "tag": _tag,
    "priority": _priority,
    "expiration": _expiration,
}
