"""Attachments in all the ways a request may name them (sheet 4.2)."""

import base64
import binascii
from collections.abc import Iterator, Mapping
from typing import Any

from broker.dialects.base import has_controls, is_clean
from broker.dialects.ozeki.params import lower_names
from broker.domain.draft import MediaRef
from broker.errors import AttachmentUnavailable, Malformed

PARTS_LIMIT = 10
PATH_LIMIT = 1024
DEPTH = 6
POINTER = "/attachments"


def read_attachments(value: Any) -> tuple[MediaRef, ...]:
    """Return what a value attaches: a path, an address, an object with one or with the bytes, or lists of these.

    Raises:
        Malformed: it is none of these.
        AttachmentUnavailable: the bytes are not Base64, or there are none.
    """
    found: list[MediaRef] = []
    for one in _leaves(value, DEPTH):
        if len(found) == PARTS_LIMIT:
            raise Malformed(f"more than {PARTS_LIMIT} attachments", pointer=POINTER)
        pointer = f"{POINTER}/{len(found)}"
        found.append(_named(one, pointer) if isinstance(one, str) else _described(one, pointer))
    return tuple(found)


def _leaves(value: Any, depth: int) -> Iterator[str | dict[str, Any]]:
    if value is None or value == "":
        return
    if isinstance(value, str):
        yield value
    elif depth and isinstance(value, list):
        for one in value:
            yield from _leaves(one, depth - 1)
    elif depth and isinstance(value, dict):
        fields = lower_names(value)
        inner = [fields[name] for name in ("attachment", "attachments") if name in fields]
        if inner or not fields:
            yield from _leaves(inner, depth - 1)
        else:
            yield fields
    else:
        raise Malformed("attachments cannot be read", pointer=POINTER)


def _described(fields: Mapping[str, Any], pointer: str) -> MediaRef:
    name = _line(fields.get("name", ""))
    content_type = _line(fields.get("contenttype", fields.get("content_type", "")))
    if "content" in fields:
        return MediaRef(
            data=_bytes(fields["content"], name, pointer),
            content_type=content_type,
            name=name,
            pointer=pointer,
        )
    for key in ("url", "filename"):
        if key in fields:
            return _named(_line(fields[key]), pointer)
    raise Malformed("an attachment names no file", pointer=POINTER)


def _named(name: str, pointer: str) -> MediaRef:
    name = _line(name).strip()
    if name.lower().startswith(("http://", "https://")):
        return MediaRef(url=name, pointer=pointer)
    return MediaRef(path=name, pointer=pointer)


def _line(value: Any) -> str:
    if not isinstance(value, str) or len(value) > PATH_LIMIT or not is_clean(value) or has_controls(value):
        raise Malformed("an attachment cannot be read", pointer=POINTER)
    return value


def _bytes(content: Any, name: str, pointer: str) -> bytes:
    try:
        data = base64.b64decode("".join(content.split()), validate=True) if isinstance(content, str) else b""
    except (binascii.Error, ValueError):
        data = b""
    if not data:
        raise AttachmentUnavailable("the content is not Base64, or empty", pointer=pointer, value=name)
    return data
