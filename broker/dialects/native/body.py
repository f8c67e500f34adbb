"""JSON as strict as the specification wishes it were."""

import json
from collections.abc import Collection
from typing import Any

import orjson

from broker.dialects.base import is_clean
from broker.errors import ContentTooLarge, Malformed

JSON_LIMIT = 2 * 1024 * 1024
"""Most bytes of a JSON request: a thousand recipients with a long text and all tags fit many times."""


_QUOTED = {name: f'"{name}"'.encode() for name in ("to", "from", "text", "reference")}


def load(body: bytes) -> Any:
    """Return the value of a JSON text.

    Raises:
        Malformed: it is not JSON (RFC 8259), or a name occurs twice in an object; names the field if it can.
        ContentTooLarge: it is longer than any sensible request.
    """
    if len(body) > JSON_LIMIT:
        raise ContentTooLarge(f"the JSON body is over {JSON_LIMIT} bytes")
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise _blame(body, error) from None
    _refuse_duplicates(body)
    return value


def has_plain_names(body: bytes, names: Collection[str]) -> bool:
    """Say cheaply whether each of these names is spelled plainly, and once, in a flat JSON object of texts."""
    if b"\\" not in body:
        return body.count(b'"') == 4 * len(names)  # two around each name and each text
    if b"\\u00" in body:
        return False
    for name in names:  # noqa: SIM110  # on the path of every send, where a generator costs as much again
        if body.count(_QUOTED.get(name) or f'"{name}"'.encode()) != 1:
            return False
    return True


def escape(part: str | int) -> str:
    """Return one step of a JSON pointer (RFC 6901)."""
    return str(part)[:64].encode(errors="replace").decode().replace("~", "~0").replace("/", "~1")


def _refuse_duplicates(body: bytes) -> None:
    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) != len(pairs):
            names = [name for name, _ in pairs]
            twice = next(name for name in names if names.count(name) > 1)
            raise Malformed("the name occurs twice in one object", pointer=f"/{escape(twice)}")
        return found

    try:
        json.loads(body, object_pairs_hook=once)
    except (ValueError, RecursionError):
        raise Malformed("the body cannot be read as JSON") from None


def _blame(body: bytes, error: orjson.JSONDecodeError) -> Malformed:
    """Find the field that spoils a body which a lenient reader accepts; else say where reading stopped."""
    try:
        pointer = _spoilt(json.loads(body, parse_constant=lambda _: _BAD), "")
    except (ValueError, RecursionError):
        pointer = None
    if pointer:
        return Malformed("must not contain lone surrogates, NaN or Infinity", pointer=pointer)
    return Malformed(f"the body is not JSON: line {error.lineno}, column {error.colno}")


_BAD = object()


def _spoilt(value: Any, at: str) -> str | None:
    if value is _BAD or (isinstance(value, float) and value in (float("inf"), float("-inf"))):
        return at
    if isinstance(value, str):
        return at if not is_clean(value) else None
    members: Any = ()
    if isinstance(value, dict):
        members = value.items()
    elif isinstance(value, list):
        members = enumerate(value)
    return next((found for name, inner in members if (found := _spoilt(inner, f"{at}/{escape(name)}"))), None)
