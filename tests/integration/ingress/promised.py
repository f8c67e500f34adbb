"""Hold every answer of the native API to the OpenAPI document."""

import re
from functools import cache
from typing import Any

import orjson
from aiohttp import ClientHandlerType, ClientRequest, ClientResponse
from jsonschema import Draft202012Validator

from broker.dialects.native.openapi import document

DOCUMENT = document()
ANYWHERE = {"405", "500"}
"""Statuses that no operation promises and every path may answer with."""


async def held_to_the_document(request: ClientRequest, handler: ClientHandlerType) -> ClientResponse:
    """Hand a request on, and look at what is answered; what no operation describes is not looked at."""
    answer = await handler(request)
    operation = operation_of(request.method, request.url.path)
    if operation and str(answer.status) not in ANYWHERE:
        promised = operation["responses"].get(str(answer.status))
        assert promised, (
            f"{request.method} {request.url.path} answered {answer.status}, which is not described"
        )
        kind = answer.content_type
        content = resolved(promised).get("content", {})
        assert kind in content, f"{request.method} {request.url.path} answered {kind}"
        if kind.endswith("json"):
            validator(orjson.dumps(content[kind]["schema"])).validate(await answer.json(content_type=None))
    return answer


@cache
def operation_of(method: str, path: str) -> dict[str, Any] | None:
    """Return the operation that a request is described by; only what stands in a path whole goes first."""
    for known in sorted(DOCUMENT["paths"], key=lambda one: "{" in one):
        if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", known), path):
            found: dict[str, Any] | None = DOCUMENT["paths"][known].get(method.lower())
            return found
    return None


def resolved(promised: dict[str, Any]) -> dict[str, Any]:
    """Return an answer's description, wherever it stands."""
    name = promised.get("$ref", "").rpartition("/")[2]
    found: dict[str, Any] = DOCUMENT["components"]["responses"][name] if name else promised
    return found


@cache
def validator(schema: bytes) -> Draft202012Validator:
    """Return what checks a schema of the document, given as JSON: its references lead into the components."""
    return Draft202012Validator({**orjson.loads(schema), "components": DOCUMENT["components"]})
