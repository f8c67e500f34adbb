"""Errors of the native API as problem documents (RFC 9457)."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

import orjson

from broker.dialects.base import retry_after
from broker.domain.wire import Response
from broker.errors import (
    AddressNotAllowed,
    AdmissionError,
    AuthenticationFailed,
    ContentTooLarge,
    InvalidRequest,
    KeyReused,
    Malformed,
    NotFound,
    NotPermitted,
    OutOfCredit,
    QuotaExceeded,
    RequestError,
    TooManyGuesses,
    UnknownAction,
    UnsupportedType,
)

PROBLEM_TYPE = "application/problem+json"
TYPE_PREFIX = "urn:ringpost:problem:"
CHALLENGE = 'Bearer realm="broker", Basic realm="broker", charset="UTF-8"'
MOST_ERRORS = 50
"""Most field errors that one answer lists."""

_STATUS: Mapping[type[RequestError], int] = {
    Malformed: 400,
    AuthenticationFailed: 401,
    OutOfCredit: 402,
    AddressNotAllowed: 403,
    NotPermitted: 403,
    NotFound: 404,
    UnknownAction: 404,
    KeyReused: 409,
    QuotaExceeded: 429,
    TooManyGuesses: 429,
}
_OF_THE_WHOLE_BODY: Mapping[type[RequestError], int] = {ContentTooLarge: 413, UnsupportedType: 415}


def problem(error: RequestError | AdmissionError) -> Response:
    """Return the answer that tells a customer what went wrong, with a line for each field that is to blame."""
    if isinstance(error, AdmissionError):
        return problem_document(
            503,
            code=error.code,
            detail=error.detail,
            headers=retry_after(error),
        )
    blamed = error.errors if isinstance(error, InvalidRequest) else (error,) if error.pointer else ()
    lines = [
        {"pointer": one.pointer, "code": one.code, "message": one.detail} for one in blamed[:MOST_ERRORS]
    ]
    return problem_document(
        status_of(error), code=error.code, detail=error.detail, errors=lines, headers=_headers(error)
    )


def problem_document(
    status: int,
    *,
    code: str,
    detail: str,
    errors: Sequence[Mapping[str, str]] = (),
    headers: Mapping[str, str] | None = None,
) -> Response:
    """Return a problem document for anything, such as a path or method that does not exist."""
    document: dict[str, Any] = {
        "type": TYPE_PREFIX + code,
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "code": code,
        "errors": list(errors),
    }
    return Response(
        status=status,
        headers={"Content-Type": PROBLEM_TYPE, "Cache-Control": "no-store", **(headers or {})},
        body=orjson.dumps(document),
    )


def status_of(error: RequestError) -> int:
    """Return the HTTP status for an error; one that blames a field is 422 unless it has a status of its own."""
    kind = type(error)
    if not error.pointer and kind in _OF_THE_WHOLE_BODY:
        return _OF_THE_WHOLE_BODY[kind]
    return next((_STATUS[base] for base in kind.__mro__ if base in _STATUS), 422)


def _headers(error: RequestError) -> dict[str, str]:
    if isinstance(error, AuthenticationFailed):
        return {"WWW-Authenticate": CHALLENGE}
    return retry_after(error)
