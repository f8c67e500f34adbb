"""Native send requests that come as multipart forms."""

from typing import Any

import orjson

from broker.dialects.base import is_clean
from broker.dialects.native.body import escape, load
from broker.domain.wire import Call, Upload
from broker.errors import InvalidField, Malformed, RequestError, UnknownField

MESSAGE, MEDIA = "message", "media"
_JSON_FIELDS = frozenset({"tags", "media"})
_SWITCHES = {"true": True, "false": False}


def read_form(call: Call) -> tuple[dict[str, Any], tuple[Upload, ...]]:
    """Return the request in a form, as its JSON twin would say it, beside the files.

    The form has one field `message` with the JSON, or a field for each of its names (`to` again for each recipient).

    Raises:
        RequestError: a field is not one of these, twice there or unreadable.
    """
    for file in call.files:
        if file.field != MEDIA:
            raise UnknownField("files are called media", pointer=f"/{escape(file.field)}")
    for name, value in call.form:
        if not (is_clean(name) and is_clean(value)):
            raise Malformed("must not contain NUL or lone surrogates", pointer=f"/{escape(name)}")
    values: dict[str, list[str]] = {}
    for name, value in call.form:
        values.setdefault(name, []).append(value)
    if MESSAGE in values:
        return _whole(values), call.files
    return {name: _field(name, given) for name, given in values.items()}, call.files


def _whole(values: dict[str, list[str]]) -> Any:
    others = sorted(values.keys() - {MESSAGE})
    if others:
        raise UnknownField("is not allowed beside message", pointer=f"/{escape(others[0])}")
    if len(values[MESSAGE]) > 1:
        raise Malformed("is there twice", pointer=f"/{MESSAGE}")
    return load(values[MESSAGE][0].encode())


def _field(name: str, given: list[str]) -> Any:
    if name == "to":
        return given if len(given) > 1 else given[0]
    if len(given) > 1:
        raise Malformed("is there twice", pointer=f"/{escape(name)}")
    value = given[0]
    if name == "group":
        return _SWITCHES.get(value.lower(), value)
    if name in _JSON_FIELDS:
        return _json(name, value)
    return value


def _json(name: str, value: str) -> Any:
    try:
        return orjson.loads(value)
    except orjson.JSONDecodeError:
        error: RequestError = InvalidField("must be JSON", pointer=f"/{name}")
        raise error from None
