"""What the operations of the OpenAPI document are put together from."""

from typing import Any

from broker.dialects.native.answers import Problem
from broker.dialects.native.examples import problem_example
from broker.dialects.native.parameters import LIMIT, MOST
from broker.dialects.native.problem import PROBLEM_TYPE

SCHEMAS = "#/components/schemas/"
JSON = "application/json"
STRING = {"type": "string"}
TEXT = {"type": "string", "maxLength": 255}
TIME = {"type": "string", "format": "date-time"}
PAGING: dict[str, dict[str, Any]] = {
    "cursor": TEXT,
    "limit": {"type": "integer", "minimum": 1, "maximum": MOST, "default": LIMIT},
}
IDEMPOTENCY_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "description": "Makes it safe to repeat the request for 48 hours: same key, same body, one message.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
    "example": "order-4711",
}
_RETRY_AFTER = {"Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer"}}}
_CHALLENGE = {"WWW-Authenticate": {"description": "How to sign in.", "schema": STRING}}
REASONS: dict[int, tuple[str, str, dict[str, Any]]] = {
    400: ("The request cannot be read", "malformed", {}),
    401: ("Credentials are missing or wrong", "authentication_failed", _CHALLENGE),
    402: ("The prepaid credit does not cover it", "out_of_credit", {}),
    403: ("The account may not do this, or not from there", "not_permitted", {}),
    404: ("There is no such thing, or it is another account's", "not_found", {}),
    409: ("The idempotency key was used with another body", "idempotency_key_reused", {}),
    413: ("The body is too large", "content_too_large", {}),
    415: ("The body has a type that is not read", "unsupported_type", {}),
    422: ("Fields are wrong; `errors` names each", "invalid_field", {}),
    429: (
        "The quota is used up, or too many wrong passwords came from there",
        "quota_exceeded",
        _RETRY_AFTER,
    ),
    503: ("Not now; `outcome_unknown`: repeat with the same idempotency key", "unavailable", _RETRY_AFTER),
}


def asked(filters: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    """Return parameters of a query by their schemas."""
    return [{"name": name, "in": "query", "schema": schema} for name, schema in filters.items()]


def answer(description: str, model: type[Any], example: Any = None) -> dict[str, Any]:
    """Return an answer of JSON."""
    shown = {} if example is None else {"example": example}
    return {"description": description, "content": {JSON: {"schema": ref(model), **shown}}}


def refusals(*statuses: int) -> dict[str, Any]:
    """Return references to the answers of refusals."""
    return {str(status): {"$ref": f"#/components/responses/{status}"} for status in statuses}


def refusal(status: int) -> dict[str, Any]:
    """Return the answer of a refusal."""
    reason, code, headers = REASONS[status]
    content = {PROBLEM_TYPE: {"schema": ref(Problem), "example": problem_example(status, code, reason)}}
    return {"description": f"{reason}.", "content": content, **({"headers": headers} if headers else {})}


def ref(model: type[Any]) -> dict[str, Any]:
    """Return a reference to the schema of a model."""
    return {"$ref": SCHEMAS + model.__name__}
