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
)
from broker.dialects.native.openapi_operators import OPERATOR_MODELS, operator_paths
from broker.dialects.native.openapi_pieces import (
    IDEMPOTENCY_KEY,
    JSON,
    PAGING,
    REASONS,
    SCHEMAS,
    STRING,
    TEXT,
    answer,
    asked,
    ref,
    refusal,
    refusals,
)
from broker.dialects.native.schema import SendMessage
from broker.dialects.native.told import ArrivalTold, ReportTold
from broker.domain.message import Direction
from broker.domain.status import Status

VERSION = "1"
_FORM = "multipart/form-data"
_FILE = {"type": "string", "contentMediaType": "application/octet-stream"}
_ANSWERS = (
    Accepted,
    BatchAccepted,
    MessageView,
    MessagePage,
    BillPage,
    OptOutPage,
    MediaStored,
    Problem,
    *OPERATOR_MODELS,
)
_SIGNING_IN = {
    "key": {"type": "http", "scheme": "bearer", "description": "An API key."},
    "password": {
        "type": "http",
        "scheme": "basic",
        "description": "The account with its password.",
    },
    "operator": {
        "type": "http",
        "scheme": "basic",
        "description": "An operator with a password; what it may do is its role's.",
    },
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
        "tags": [{"name": name} for name in ("messages", "media", "billing", "opt-outs", "operators")],
        "paths": {
            "/v1/messages": {"post": _send(), "get": _list()},
            "/v1/messages/{id}": {"get": _look_up()},
            "/v1/media": {"post": _upload()},
            "/v1/billing": {"get": _bills()},
            "/v1/opt-outs": {"get": _opt_outs()},
            **operator_paths(),
        },
        "webhooks": {
            "message.status": {
                "post": _told("toldStatus", "A message that was sent has a new status", ReportTold)
            },
            "message.received": {"post": _told("toldArrival", "A message arrived", ArrivalTold)},
        },
        "components": {
            "schemas": _schemas(),
            "securitySchemes": _SIGNING_IN,
            "responses": {str(status): refusal(status) for status in REASONS},
        },
    }


def _send() -> dict[str, Any]:
    return {
        "operationId": "sendMessage",
        "tags": ["messages"],
        "summary": "Send a message to one or more recipients",
        "parameters": [IDEMPOTENCY_KEY],
        "requestBody": {
            "required": True,
            "content": {
                JSON: {"schema": ref(SendMessage), "examples": SENDS},
                _FORM: {"schema": _form_schema(), "examples": FORM},
            },
        },
        "responses": {"202": _taken(), **refusals(400, 401, 402, 403, 409, 413, 415, 422, 429, 503)},
    }


def _taken() -> dict[str, Any]:
    return {
        "description": "It is ours and will be sent.",
        "headers": {
            "Location": {"description": "Where to look it up.", "schema": STRING},
            "Idempotency-Replayed": {
                "description": "`true`: this answer was given before.",
                "schema": STRING,
            },
        },
        "content": {
            JSON: {
                "schema": {"oneOf": [ref(Accepted), ref(BatchAccepted)]},
                "examples": {"one": {"value": ACCEPTED}, "list": {"value": BATCH}},
            }
        },
    }


def _list() -> dict[str, Any]:
    filters: dict[str, dict[str, Any]] = {
        "direction": {"enum": list(Direction)},
        "status": {"enum": list(Status)},
        "to": TEXT,
        "from": TEXT,
        "reference": TEXT,
        "number": {"type": "string", "pattern": "^[0-9]{1,19}$"},
        "tag": {
            "type": "string",
            "pattern": "^[^=]",
            "description": "With a tag of this name, or `name=value`. A page may then be short, or empty, though"
            " `next_cursor` leads on.",
        },
        **PAGING,
    }
    return {
        "operationId": "listMessages",
        "tags": ["messages"],
        "summary": "List messages, newest first",
        "parameters": asked(filters),
        "responses": {"200": answer("One page.", MessagePage, PAGE), **refusals(400, 401, 403, 429, 503)},
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
            "200": answer("The message.", MessageView, MESSAGE),
            **refusals(401, 403, 404, 429, 503),
        },
    }


def _bills() -> dict[str, Any]:
    filters: dict[str, dict[str, Any]] = {
        "since": TEXT | {"description": "Accepted from then on: a day of the account's zone, or a time."},
        "until": TEXT | {"description": "Accepted before then."},
        **PAGING,
    }
    page = answer("One page; as `text/csv` a link leads to the next.", BillPage, BILLS)
    page["content"]["text/csv"] = {"schema": STRING}
    return {
        "operationId": "listBills",
        "tags": ["billing"],
        "summary": "List what is billed for each message, oldest first",
        "parameters": asked(filters),
        "responses": {"200": page, **refusals(400, 401, 403, 429, 503)},
    }


def _opt_outs() -> dict[str, Any]:
    return {
        "operationId": "listOptOuts",
        "tags": ["opt-outs"],
        "summary": "List who wants nothing more of a sender, oldest first",
        "parameters": asked({"sender": TEXT, "recipient": TEXT, **PAGING}),
        "responses": {
            "200": answer("One page.", OptOutPage, OPT_OUTS),
            **refusals(400, 401, 403, 429, 503),
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
            "201": answer("The file is stored.", MediaStored, MEDIA),
            **refusals(400, 401, 403, 413, 415, 422, 429, 503),
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
            {"name": header, "in": "header", "description": text, "schema": STRING}
            for header, text in headers.items()
        ],
        "requestBody": {"required": True, "content": {JSON: {"schema": ref(model)}}},
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
            "message": ref(SendMessage),
            "media": {"type": "array", "items": _FILE},
        },
    }


def _schemas() -> dict[str, Any]:
    _, definitions = models_json_schema(
        [(SendMessage, "validation"), *((model, "serialization") for model in _ANSWERS)],
        by_alias=True,
        ref_template=SCHEMAS + "{model}",
    )
    schemas: dict[str, Any] = definitions["$defs"]
    return dict(sorted(schemas.items()))
