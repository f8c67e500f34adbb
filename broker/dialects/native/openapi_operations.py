"""What operators may ask for is put together from these operations."""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from broker.dialects.native.openapi_pieces import JSON, TEXT, TIME, answer, asked, refusals
from broker.dialects.native.operator_answers import Leaving
from broker.dialects.native.parameters import MOST_RATE, RATE

NAME = {"name": "name", "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}
SPAN = {"since": TIME, "until": TIME}
RATES = {"rate": {"type": "number", "exclusiveMinimum": 0, "maximum": MOST_RATE, "default": RATE}}
LISTED = refusals(400, 401, 403, 429, 503)


def one_of(kind: type[StrEnum] | tuple[StrEnum, ...]) -> dict[str, Any]:
    """Return the schema of a word out of several."""
    return {"enum": [str(member) for member in kind]}


def shows(
    name: str, summary: str, model: type[Any], filters: dict[str, Any], *, named: bool = False
) -> dict[str, Any]:
    """Return an operation that shows something; `named` is about the connection in its path."""
    return {
        **_head(name, summary),
        "parameters": [*([NAME] if named else []), *asked(filters)],
        "responses": {"200": answer("One page." if named else "What was asked for.", model), **LISTED}
        | (refusals(404) if named else {}),
    }


def orders(
    name: str,
    summary: str,
    filters: dict[str, Any],
    *,
    needed: tuple[str, ...] = (),
    model: type[Any] = Leaving,
) -> dict[str, Any]:
    """Return an operation on all that its query names, which takes its time."""
    parameters = [{**one, "required": True} if one["name"] in needed else one for one in asked(filters)]
    return {
        **_head(name, summary),
        "parameters": parameters,
        "responses": {"202": answer("They leave one after another.", model), **LISTED},
    }


def changes(
    name: str,
    summary: str,
    needed: tuple[str, ...],
    *,
    also: tuple[str, ...] = (),
    others: Mapping[str, Any] = MappingProxyType({}),
    status: int,
    model: type[Any],
) -> dict[str, Any]:
    """Return an operation that takes a small JSON object of texts, and of what the `others` are."""
    schema = {
        "type": "object",
        "properties": {**dict.fromkeys((*needed, *also), TEXT), **others},
        "required": list(needed),
        "additionalProperties": False,
    }
    return {
        **_head(name, summary),
        "requestBody": {"required": True, "content": {JSON: {"schema": schema}}},
        "responses": {
            str(status): answer("It is so now, or will be.", model),
            **refusals(400, 401, 403, 404, 413, 415, 422, 429, 503),
        },
    }


def _head(name: str, summary: str) -> dict[str, Any]:
    return {"operationId": name, "tags": ["operators"], "summary": summary, "security": [{"operator": []}]}
