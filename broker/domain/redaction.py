"""Take secrets, content and whole numbers out of what went over the wire."""

import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

import orjson

from broker.domain.address import mask, mask_within

LONGEST_BODY = 8 * 1024
"""Most characters of a body that are kept."""

_LONGEST_VALUE = 256
_DEEPEST = 8
_MOST_ITEMS = 50
_WORTH_HIDING = 4
_LARGE_NUMBER = 10**6

# fmt: off
_SHOWN = frozenset({
    "applicationid", "at", "channel", "code", "contenttype", "description", "direction", "error",
    "error_description", "errorcode", "event", "eventtime", "expiration", "expires_in", "fieldname", "id", "message_id",
    "priority", "ref", "replyto", "segmentcount", "source", "tag", "time", "token_type", "type",
})
_ADDRESSES = frozenset({"from", "originator", "owner", "recipient", "recipients", "sender", "to"})
_LINKS = frozenset({"link", "media", "url"})
_HEADERS = frozenset({
    "accept", "content-length", "content-type", "date", "location", "retry-after", "server", "www-authenticate",
    "x-request-id",
})
# fmt: on
_IDS = frozenset({"applicationid", "at", "eventtime", "expiration", "id", "message_id", "ref", "tag", "time"})
_PLAIN_NAME = re.compile(r"[A-Za-z][A-Za-z_.-]{0,31}")
_ALONE = re.compile(r"(?<![\w.-])(?:\+[0-9]{7,15}|[0-9]{10,15})(?![\w-])")
_TOKENS = re.compile(r"(?i)\b(basic|bearer)\s+\S+")


def redact_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """Return headers with the values of those left out that are not known to be harmless."""
    shown: dict[str, str] = {}
    for name, value in headers.items():
        known = name.lower() in _HEADERS
        shown[name.lower()[:64]] = mask_within(value[:_LONGEST_VALUE]) if known else "***"
    return shown


def redact_url(url: str) -> str:
    """Return host and path of a URL: its query, its user and its fragment may be secrets."""
    try:
        found = urlsplit(url)
    except ValueError:
        return "***"
    host = found.netloc.rpartition("@")[2]
    return f"{found.scheme}://{host}{mask_within(found.path)}"[:_LONGEST_VALUE]


def redact_body(body: bytes) -> str:
    """Return a body as JSON in which only what is known to be harmless is shown; of others, only the size.

    Numbers of phones are masked. What is hidden in one place is hidden wherever else it is repeated.
    """
    if not body:
        return ""
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError:
        return f"({len(body)} bytes)"
    return redact(value)


def redact(value: object) -> str:
    """Return a JSON value as `redact_body` does."""
    hidden = sorted({text for text in _hidden(value, "", 0) if len(text) >= _WORTH_HIDING}, key=len)
    shown = orjson.dumps(_shown(value, "", hidden[::-1], 0)).decode()
    return shown if len(shown) <= LONGEST_BODY else shown[:LONGEST_BODY] + "…"


def _shown(value: Any, key: str, hidden: list[str], depth: int) -> Any:
    if depth > _DEEPEST:
        return "…"
    if isinstance(value, dict):
        pairs = list(value.items())[:_MOST_ITEMS]
        return {_name(name): _shown(inner, name.lower(), hidden, depth + 1) for name, inner in pairs}
    if isinstance(value, list):
        return [_shown(inner, key, hidden, depth + 1) for inner in value[:_MOST_ITEMS]]
    if isinstance(value, str):
        return _text(value, key, hidden)
    if isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) >= _LARGE_NUMBER:
        return mask(str(value))
    return value


def _text(value: str, key: str, hidden: list[str]) -> str:
    if key in _ADDRESSES:
        return mask(value[:_LONGEST_VALUE]) if value else ""
    if key in _LINKS:
        return redact_url(value)
    if key not in _SHOWN:
        return f"({len(value)} characters)" if value else ""
    for secret in hidden:
        value = value.replace(secret, "***")
    value = value[:_LONGEST_VALUE]
    # An id may hold many digits; only what stands alone is a phone's number.
    masked = _ALONE.sub(lambda found: mask(found[0]), value) if key in _IDS else mask_within(value)
    return _TOKENS.sub(r"\1 ***", masked)


def _name(name: str) -> str:
    """Return a key, unless a stranger says something in it."""
    return name if _PLAIN_NAME.fullmatch(name) else "***"


def _hidden(value: Any, key: str, depth: int) -> Iterator[str]:
    """Yield the texts of fields that are not shown."""
    if depth > _DEEPEST:
        return
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _hidden(inner, name.lower(), depth + 1)
    elif isinstance(value, list):
        for inner in value:
            yield from _hidden(inner, key, depth + 1)
    elif isinstance(value, str) and key not in _SHOWN | _ADDRESSES | _LINKS:
        yield value.strip()
