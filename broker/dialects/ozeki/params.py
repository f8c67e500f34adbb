"""Parameters of a call, from its query with its form."""

import re
from collections.abc import Mapping
from typing import Any

from broker.domain.wire import Call
from broker.errors import InvalidField

CHARSET = "_charset_"
_SEEN = "ozeki.params"
_CHARSETS = re.compile(r"utf-?8|us-ascii|ascii|latin-?1|iso-8859-\d{1,2}|windows-125\d|cp125\d")


def read_params(call: Call) -> Mapping[str, str]:
    """Return the parameters by lower-case name, empty ones left out; repeated recipients are joined by commas.

    Undecodable bytes must come as surrogate escapes, so that `_charset_` can still say what they are.

    Raises:
        InvalidField: the charset is not one we know, or not the one in use.
    """
    found: Mapping[str, str] | None = call.seen.get(_SEEN)
    if found is None:
        found = call.seen[_SEEN] = _read(call)
    return found


def _read(call: Call) -> Mapping[str, str]:
    params: dict[str, str] = {}
    recipients: list[str] = []
    for name, value in (*call.query, *call.form):
        lower = name.lower()
        if not value:
            continue
        params[lower] = value
        if lower == "recipient":
            recipients.append(value)
    if recipients:
        params["recipient"] = ",".join(recipients)
    if "action" in params:
        params["action"] = last_action(params["action"])
    return _decoded(params)


def last_action(action: str) -> str:
    """Return the action a client meant: some put `?action=…` behind a base address that had one (sheet 5.2)."""
    return action.lower().rpartition("action=")[2].strip("? ")


def lower_names(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return a JSON object's values by lower-case name; null and empty text are the same as absent."""
    return {name.lower(): value for name, value in values.items() if value is not None and value != ""}


def _decoded(params: dict[str, str]) -> dict[str, str]:
    charset = params.get(CHARSET, "utf-8").lower()
    if charset in ("utf-8", "utf8"):
        return params
    if not _CHARSETS.fullmatch(charset):
        raise InvalidField("is not a charset we know", pointer=f"/{CHARSET}")
    try:
        return {name: _again(value, charset) for name, value in params.items()}
    except ValueError:
        raise InvalidField("is not the charset in use", pointer=f"/{CHARSET}") from None


def _again(value: str, charset: str) -> str:
    try:
        return value.encode("utf-8", "surrogateescape").decode(charset)
    except LookupError as error:
        raise ValueError(charset) from error
