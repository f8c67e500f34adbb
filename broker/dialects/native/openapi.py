"""The OpenAPI document of the native API."""

from typing import Any

from pydantic.json_schema import models_json_schema

from broker.dialects.native.answers import (
    Accepted,
    BatchAccepted,
    BillPage,
    MediaStored,
    MessagePage,
    MessageView,
    OptOutPage,
    Problem,
)
from broker.dialects.native.examples import (
    ACCEPTED,
    BATCH,
    BILLS,
    FORM,
    MEDIA,
    MESSAGE,
    OPT_OUTS,
    PAGE,
    SENDS,
    problem_example,
)
from broker.dialects.native.parameters import LIMIT, MOST
from broker.dialects.native.problem import PROBLEM_TYPE
from broker.dialects.native.schema import SendMessage
from broker.dialects.native.told import ArrivalTold, ReportTold
from broker.domain.message import Direction
from broker.domain.status import Status

VERSION = "1"
_SCHEMAS = "#/components/schemas/"
_JSON, _FORM = "application/json", "multipart/form-data"
_STRING = {"type": "string"}
_TEXT = {"type": "string", "maxLength": 255}
_PAGING: dict[str, dict[str, Any]] = {
    "cursor": _TEXT,
    "limit": {"type": "integer", "minimum": 1, "maximum": MOST, "default": LIMIT},
}
_FILE = {"type": "string", "contentMediaType": "application/octet-stream"}
_IDEMPOTENCY_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "description": "Makes it safe to repeat the request for 48 hours: same key, same body, one message.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
    "example": "order-4711",
}
_RETRY_AFTER = {"Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer"}}}
_CHALLENGE = {"WWW-Authenticate": {"description": "How to sign in.", "schema": _STRING}}
_REASONS: dict[int, tuple[str, str, dict[str, Any]]] = {
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


def document() -> dict[str, Any]:
    """Return the OpenAPI 3.1 document, made from the models that requests are read with."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Message broker",
            "version": VERSION,
            "description": "Send and follow text and multimedia messages.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "security": [{"key": []}, {"password": []}],
        "tags": [{"name": "messages"}, {"name": "media"}, {"name": "billing"}, {"name": "opt-outs"}],
        "paths": {
            "/v1/messages": {"post": _send(), "get": _list()},
            "/v1/messages/{id}": {"get": _look_up()},
            "/v1/media": {"post": _upload()},
            "/v1/billing": {"get": _bills()},
            "/v1/opt-outs": {"get": _opt_outs()},
        },
        "webhooks": {
            "message.status": {
                "post": _told("toldStatus", "A message that was sent has a new status", ReportTold)
            },
            "message.received": {"post": _told("toldArrival", "A message arrived", ArrivalTold)},
        },
        "components": {
            "schemas": _schemas(),
            "securitySchemes": {
                "key": {"type": "http", "scheme": "bearer", "description": "An API key."},
                "password": {
                    "type": "http",
                    "scheme": "basic",
                    "description": "The account with its password.",
                },
            },
            "responses": {str(status): _refusal(status) for status in _REASONS},
        },
    }


def _send() -> dict[str, Any]:
    return {
        "operationId": "sendMessage",
        "tags": ["messages"],
        "summary": "Send a message to one or more recipients",
        "parameters": [_IDEMPOTENCY_KEY],
        "requestBody": {
            "required": True,
            "content": {
                _JSON: {"schema": _ref(SendMessage), "examples": SENDS},
                _FORM: {"schema": _form_schema(), "examples": FORM},
            },
        },
        "responses": {"202": _taken(), **_refusals(400, 401, 402, 403, 409, 413, 415, 422, 429, 503)},
    }


def _taken() -> dict[str, Any]:
    return {
        "description": "It is ours and will be sent.",
        "headers": {
            "Location": {"description": "Where to look it up.", "schema": _STRING},
            "Idempotency-Replayed": {
                "description": "`true`: this answer was given before.",
                "schema": _STRING,
            },
        },
        "content": {
            _JSON: {
                "schema": {"oneOf": [_ref(Accepted), _ref(BatchAccepted)]},
                "examples": {"one": {"value": ACCEPTED}, "list": {"value": BATCH}},
            }
        },
    }


def _list() -> dict[str, Any]:
    filters: dict[str, dict[str, Any]] = {
        "direction": {"enum": list(Direction)},
        "status": {"enum": list(Status)},
        "to": _TEXT,
        "from": _TEXT,
        "reference": _TEXT,
        "number": {"type": "string", "pattern": "^[0-9]{1,19}$"},
        **_PAGING,
    }
    return {
        "operationId": "listMessages",
        "tags": ["messages"],
        "summary": "List messages, newest first",
        "parameters": _asked(filters),
        "responses": {"200": _answer("One page.", MessagePage, PAGE), **_refusals(400, 401, 403, 429, 503)},
    }


def _look_up() -> dict[str, Any]:
    return {
        "operationId": "getMessage",
        "tags": ["messages"],
        "summary": "Show a message with its history",
        "parameters": [
            {"name": "id", "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}
        ],
        "responses": {
            "200": _answer("The message.", MessageView, MESSAGE),
            **_refusals(401, 403, 404, 429, 503),
        },
    }


def _bills() -> dict[str, Any]:
    filters: dict[str, dict[str, Any]] = {
        "since": _TEXT | {"description": "Accepted from then on: a day of the account's zone, or a time."},
        "until": _TEXT | {"description": "Accepted before then."},
        **_PAGING,
    }
    page = _answer("One page; as `text/csv` a link leads to the next.", BillPage, BILLS)
    page["content"]["text/csv"] = {"schema": _STRING}
    return {
        "operationId": "listBills",
        "tags": ["billing"],
        "summary": "List what is billed for each message, oldest first",
        "parameters": _asked(filters),
        "responses": {"200": page, **_refusals(400, 401, 403, 429, 503)},
    }


def _opt_outs() -> dict[str, Any]:
    return {
        "operationId": "listOptOuts",
        "tags": ["opt-outs"],
        "summary": "List who wants nothing more of a sender, oldest first",
        "parameters": _asked({"sender": _TEXT, "recipient": _TEXT, **_PAGING}),
        "responses": {
            "200": _answer("One page.", OptOutPage, OPT_OUTS),
            **_refusals(400, 401, 403, 429, 503),
        },
    }


def _upload() -> dict[str, Any]:
    form = {"type": "object", "properties": {"file": _FILE}, "required": ["file"]}
    return {
        "operationId": "uploadMedia",
        "tags": ["media"],
        "summary": "Upload a file that messages can name",
        "description": "The bare file under its own content type, or a form with one file.",
        "requestBody": {
            "required": True,
            "content": {_FORM: {"schema": form}, "*/*": {"schema": _FILE}},
        },
        "responses": {
            "201": _answer("The file is stored.", MediaStored, MEDIA),
            **_refusals(400, 401, 403, 413, 415, 422, 429, 503),
        },
    }


def _told(name: str, summary: str, model: type[Any]) -> dict[str, Any]:
    """Return a callback: a request of ours to the account's own address, by Standard Webhooks 1.0."""
    headers = {
        "webhook-id": "The same for every repeat of the same news.",
        "webhook-timestamp": "Unix seconds of this try; signed.",
        "webhook-signature": "A signature for each active secret: `v1,` and Base64, apart by blanks.",
    }
    return {
        "operationId": name,
        "tags": ["callbacks"],
        "summary": summary,
        "description": "Sent to the account's `callback_url`, or the message's own.",
        "security": [],
        "parameters": [
            {"name": header, "in": "header", "description": text, "schema": _STRING}
            for header, text in headers.items()
        ],
        "requestBody": {"required": True, "content": {_JSON: {"schema": _ref(model)}}},
        "responses": {
            "2XX": {"description": "Heard."},
            "410": {"description": "Gone: nothing more is sent there until it is used again."},
            "default": {"description": "Anything else is repeated, not before `Retry-After`."},
        },
    }


def _form_schema() -> dict[str, Any]:
    return {
        "type": "object",
        "description": "`message`, or the fields of the JSON request one by one; files are called `media`.",
        "properties": {
            "message": _ref(SendMessage),
            "media": {"type": "array", "items": _FILE},
        },
    }


def _asked(filters: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    return [{"name": name, "in": "query", "schema": schema} for name, schema in filters.items()]


def _answer(description: str, model: type[Any], example: Any) -> dict[str, Any]:
    return {"description": description, "content": {_JSON: {"schema": _ref(model), "example": example}}}


def _refusals(*statuses: int) -> dict[str, Any]:
    return {str(status): {"$ref": f"#/components/responses/{status}"} for status in statuses}


def _refusal(status: int) -> dict[str, Any]:
    reason, code, headers = _REASONS[status]
    content = {PROBLEM_TYPE: {"schema": _ref(Problem), "example": problem_example(status, code, reason)}}
    return {"description": f"{reason}.", "content": content, **({"headers": headers} if headers else {})}


def _ref(model: type[Any]) -> dict[str, Any]:
    return {"$ref": _SCHEMAS + model.__name__}


def _schemas() -> dict[str, Any]:
    answers = (Accepted, BatchAccepted, MessageView, MessagePage, BillPage, OptOutPage, MediaStored, Problem)
    _, definitions = models_json_schema(
        [(SendMessage, "validation"), *((model, "serialization") for model in answers)],
        by_alias=True,
        ref_template=_SCHEMAS + "{model}",
    )
    schemas: dict[str, Any] = definitions["$defs"]
    return dict(sorted(schemas.items()))
