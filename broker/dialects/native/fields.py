"""Small JSON requests of operators: an object of texts, read strictly."""

from collections.abc import Collection, Mapping
from typing import Any

from broker.dialects.base import has_controls, is_clean
from broker.dialects.native.body import escape, load
from broker.domain.wire import Call
from broker.errors import InvalidField, InvalidRequest, Malformed, MissingField, RequestError, UnknownField

LONGEST = 255
BODY_LIMIT = 16 * 1024


def fields(call: Call, *, needed: Collection[str], also: Collection[str] = ()) -> Mapping[str, str]:
    """Return the fields of a call's JSON body, none of them empty.

    Raises:
        RequestError: it is no JSON object, or one of them is absent, unknown or no text.
    """
    raw = load(call.body)
    if not isinstance(raw, dict):
        raise Malformed("the body must be a JSON object")
    return texts(raw, needed=needed, also=also)


def texts(
    raw: Mapping[str, Any], *, needed: Collection[str], also: Collection[str] = ()
) -> Mapping[str, str]:
    """Return the fields of an object that was read, none of them empty; raises as `fields` does."""
    known = [*needed, *also]
    wrong: list[RequestError] = [
        UnknownField("is not a field of this request", pointer=f"/{escape(name)}")
        for name in raw
        if name not in known
    ]
    wrong += [
        MissingField("is required", pointer=f"/{name}") for name in needed if raw.get(name) in (None, "")
    ]
    found = {name: raw[name] for name in known if raw.get(name) not in (None, "")}
    wrong += [
        InvalidField(f"must be a text of at most {LONGEST} characters", pointer=f"/{name}")
        for name, value in found.items()
        if not isinstance(value, str) or not is_clean(value) or has_controls(value) or len(value) > LONGEST
    ]
    if wrong:
        raise wrong[0] if len(wrong) == 1 else InvalidRequest(wrong[:50])
    return found
