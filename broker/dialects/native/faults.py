"""What pydantic found wrong, as our errors."""

from typing import Any

from pydantic import ValidationError

from broker.dialects.native.body import escape
from broker.dialects.native.schema import BY_ID, BY_URL, MANY, ONE
from broker.errors import (
    ContentTooLarge,
    InvalidField,
    InvalidOriginator,
    InvalidRecipient,
    InvalidRequest,
    MissingField,
    RequestError,
    UnknownField,
)

_BRANCHES = {"to": (1, (ONE, MANY)), "media": (2, (BY_URL, BY_ID))}
"""Where a location names the branch of a union, which no pointer does."""
_KINDS: dict[str, type[RequestError]] = {"missing": MissingField, "extra_forbidden": UnknownField}
_FIELDS: dict[str, type[RequestError]] = {"to": InvalidRecipient, "from": InvalidOriginator}
_MESSAGES = {
    "missing": "is required",
    "extra_forbidden": "is not a field of this request",
    "string_type": "must be a string",
    "bool_type": "must be true or false",
    "list_type": "must be a list",
    "dict_type": "must be an object",
    "model_type": "must be an object",
    "string_too_short": "must not be empty",
    "string_too_long": "must have at most {max_length} characters",
    "too_short": "must not be empty",
    "too_long": "must have at most {max_length} items",
    "literal_error": "must be {expected}",
}
_SHAPES = {"to": "must be a string or a list of strings", "media": "must be an object with url or id"}


def faults(error: ValidationError) -> RequestError:
    """Return the error for a field, or one for all of them; what the customer sent is not repeated."""
    found = [_fault(one) for one in error.errors(include_url=False, include_input=False)]
    return found[0] if len(found) == 1 else InvalidRequest(found)


def _fault(one: Any) -> RequestError:
    steps, kind = list(one["loc"]), one["type"]
    field = steps[0] if steps else ""
    at, names = _BRANCHES.get(field, (0, ()))
    if names and len(steps) > at and steps[at] in names:
        del steps[at]
    steps = [step for step in steps if step != "[key]"]
    pointer = "".join(f"/{escape(step)}" for step in steps)
    if kind == "union_tag_not_found":
        message = _SHAPES[field]
    else:
        message = _MESSAGES.get(kind, one["msg"]).format(**one.get("ctx", {}))
    return _class_of(field, kind)(message, pointer=pointer)


def _class_of(field: Any, kind: str) -> type[RequestError]:
    if kind == "string_too_long" and field == "text":
        return ContentTooLarge
    if kind in _KINDS:
        return _KINDS[kind]
    return _FIELDS.get(field, InvalidField)
