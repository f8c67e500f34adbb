"""Checks of single values in native requests, as pydantic types."""

import re
from datetime import UTC, datetime
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, WithJsonSchema
from pydantic_core import PydanticCustomError

from broker.dialects.base import KEY_LIMIT, TEXT_LIMIT, has_controls, is_clean

_RFC3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)", re.ASCII)


def invalid(message: str, *, code: str = "invalid_field") -> PydanticCustomError:
    """Return the error for a value that cannot be used; `message` completes the sentence "this field …"."""
    return PydanticCustomError(code, message)


def parse_time(text: str) -> datetime:
    """Return the instant an RFC 3339 date-time names, in UTC.

    Raises:
        ValueError: it is no such thing, or has no zone.
    """
    if not _RFC3339.fullmatch(text):
        raise ValueError("not an RFC 3339 date-time")
    whole, dot, fraction = text[:19].upper().replace(" ", "T"), text[19:20] == ".", text[20:]
    digits = re.match(r"\d+", fraction) if dot else None
    micros = f"{digits[0][:6]:0<6}" if digits else "000000"
    zone = text[19:] if digits is None else fraction[digits.end() :]
    try:
        return datetime.fromisoformat(f"{whole}.{micros}{zone.upper().replace('Z', '+00:00')}").astimezone(
            UTC
        )
    except OverflowError as error:
        raise ValueError("out of range") from error


def _text(text: str) -> str:
    if not is_clean(text):
        raise invalid("must not contain NUL or lone surrogates")
    return text


def _line(text: str) -> str:
    if not is_clean(text) or has_controls(text):
        raise invalid("must not contain control characters")
    return text


def _time(text: str) -> str:
    try:
        parse_time(text)
    except ValueError:
        raise invalid("must be an RFC 3339 date-time with a zone, such as 2026-01-31T12:00:00Z") from None
    return text


def _url(text: str) -> str:
    try:
        parts = urlsplit(text)
        fits = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        fits = False
    if not fits or not text.isascii() or has_controls(text) or any(char in text for char in ' "<>\\^`{|}'):
        raise invalid("must be an absolute http or https URL")
    if "@" in parts.netloc:
        raise invalid("must not contain credentials")
    return text


Text = Annotated[str, Field(max_length=TEXT_LIMIT), AfterValidator(_text)]
Address = Annotated[str, Field(min_length=1, max_length=64), AfterValidator(_line)]
Line = Annotated[str, Field(max_length=KEY_LIMIT), AfterValidator(_line)]
Reference = Annotated[str, Field(min_length=1, max_length=KEY_LIMIT), AfterValidator(_line)]
TagName = Annotated[str, Field(min_length=1, max_length=64), AfterValidator(_line)]
TagValue = Annotated[str, Field(max_length=1024), AfterValidator(_text)]
Identifier = Annotated[str, Field(min_length=1, max_length=64), AfterValidator(_line)]
Time = Annotated[
    str,
    Field(max_length=64),
    AfterValidator(_time),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]
Url = Annotated[
    str,
    Field(max_length=2048),
    AfterValidator(_url),
    WithJsonSchema({"type": "string", "format": "uri", "maxLength": 2048, "pattern": "^https?://"}),
]
