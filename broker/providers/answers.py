"""What a carrier's HTTP answer means for the submission."""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any

import orjson

from broker.domain.address import mask_within
from broker.domain.wire import Response
from broker.errors import NotAuthorised, OutcomeUnknown, ProviderError, Rejected, Throttled, Unavailable

LONGEST_WAIT_S = 900.0
_SECONDS = re.compile(r"[0-9]{1,9}(?:\.[0-9]{1,9})?")
_LONGEST_DETAIL = 512
_LONGEST_BODY = 16_384
_WORTH_HIDING = 4
_NOT_TAKEN = (HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.SERVICE_UNAVAILABLE)
_NO_ENTRY = (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)


def check(response: Response, *, now: datetime, hide: Sequence[str] = ()) -> Response:
    """Return an answer of the 2xx kind as it is.

    `hide` is what must not reappear in an error's detail: the message's text, above all. A carrier whose 5xx
    answers mean something else checks those itself, first.

    Raises:
        Throttled: 429. Unavailable: 408, 503, and redirects, which we never follow.
        NotAuthorised: 401, 403. Rejected: any other 4xx. OutcomeUnknown: any other 5xx.
    """
    status = response.status
    if 200 <= status < 300:  # noqa: PLR2004 - the 2xx
        return response
    code, detail = explain(response, hide=hide)
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        raise Throttled(detail, retry_after_s=retry_after_s(response, now=now), http_status=status, code=code)
    if status in _NOT_TAKEN or status < HTTPStatus.BAD_REQUEST:
        raise Unavailable(
            detail, retry_after_s=retry_after_s(response, now=now), http_status=status, code=code
        )
    raise _verdict(status)(detail, http_status=status, code=code)


def _verdict(status: int) -> type[ProviderError]:
    if status in _NO_ENTRY:
        return NotAuthorised
    return Rejected if status < HTTPStatus.INTERNAL_SERVER_ERROR else OutcomeUnknown


@contextmanager
def before_create() -> Iterator[None]:
    """Turn a lost answer into Unavailable: what comes before the create call cannot have sent anything."""
    try:
        yield
    except OutcomeUnknown as error:
        raise Unavailable(error.detail, http_status=error.http_status, code=error.code) from error


def read_json(response: Response) -> Mapping[str, Any]:
    """Return the JSON object in an answer; an empty one where there is none."""
    try:
        value = orjson.loads(response.body)
    except orjson.JSONDecodeError:
        return {}
    return value if isinstance(value, dict) else {}


def explain(response: Response, *, hide: Sequence[str] = ()) -> tuple[str, str]:
    """Return the carrier's error code and a sentence for the record, without content or whole numbers."""
    body = read_json(response)
    if not body:
        words = response.body[:_LONGEST_BODY].decode(errors="replace")
        return str(response.status), _clean(f"{response.status} {words}", hide)
    code = _first_string(body, "type", "error") or str(response.status)
    words = _first_string(body, "description", "error_description", "message")
    errors = body.get("fieldErrors")
    names = [
        str(error.get("fieldName"))
        for error in (errors if isinstance(errors, list) else ())
        if isinstance(error, dict) and error.get("fieldName")
    ]
    fields = f" (fields: {', '.join(names)})" if names else ""
    return code[:64], _clean(f"{response.status} {code}: {words}{fields}", hide)


def _first_string(body: Mapping[str, Any], *keys: str) -> str:
    return next((value for key in keys if isinstance(value := body.get(key), str) and value), "")


def _clean(words: str, hide: Sequence[str]) -> str:
    for secret in hide:
        if len(secret) >= _WORTH_HIDING:
            words = words.replace(secret, "…")
    printable = "".join(c if c.isprintable() else " " for c in mask_within(words))
    return " ".join(printable.split())[:_LONGEST_DETAIL]


def retry_after_s(response: Response, *, now: datetime) -> float | None:
    """Return the seconds to wait that an answer asks for, as a number or a date (RFC 9110 10.2.3), capped."""
    value = response.headers.get("retry-after", "").strip()
    if _SECONDS.fullmatch(value):
        return min(float(value), LONGEST_WAIT_S)
    try:
        until = parsedate_to_datetime(value)
        wait = (until.replace(tzinfo=until.tzinfo or UTC) - now).total_seconds()
    except (ValueError, OverflowError):
        return None
    return min(max(wait, 0.0), LONGEST_WAIT_S)
