"""Tags as Ozeki's clients write them (sheet 5.2)."""

from collections.abc import Mapping
from typing import Any

import orjson

from broker.dialects.base import has_controls, is_clean
from broker.dialects.ozeki.params import lower_names
from broker.domain.message import Tag
from broker.errors import InvalidField

MOST, NAME_LIMIT, VALUE_LIMIT = 20, 64, 1024


def read_tags(value: Any) -> tuple[Tag, ...]:
    """Return the tags in a list of `{"name": …, "value": …}` or `{name: value}`; text is JSON of one.

    Raises:
        InvalidField: it is no such list.
    """
    if isinstance(value, str):
        try:
            value = orjson.loads(value)
        except orjson.JSONDecodeError:
            raise _wrong() from None
    if value is None:
        return ()
    if not isinstance(value, list) or len(value) > MOST:
        raise _wrong()
    return tuple(_tag(one) for one in value if one)


def _tag(one: Any) -> Tag:
    if not isinstance(one, Mapping):
        raise _wrong()
    lower = lower_names(one)
    if lower.keys() <= {"name", "value"} and "name" in lower:
        name, value = lower["name"], lower.get("value", "")
    elif len(one) == 1:
        ((name, value),) = one.items()
    else:
        raise _wrong()
    value = str(value) if isinstance(value, int | float) else "" if value is None else value
    if not (isinstance(name, str) and isinstance(value, str) and _fits(name, value)):
        raise _wrong()
    return Tag(name=name, value=value)


def _fits(name: str, value: str) -> bool:
    short = 0 < len(name) <= NAME_LIMIT and len(value) <= VALUE_LIMIT
    return short and is_clean(name) and is_clean(value) and not has_controls(name)


def _wrong() -> InvalidField:
    return InvalidField("must be a list of names with values", pointer="/tags")
