"""Read requests from the socket into calls, within limits of size and time."""

import asyncio
from collections.abc import Awaitable
from typing import TypeVar
from urllib.parse import unquote, unquote_to_bytes

from aiohttp import BodyPartReader, web
from aiohttp.http_exceptions import HttpProcessingError

from broker.dialects.base import MOST_FIELDS
from broker.domain.wire import Call, Upload
from broker.errors import ContentTooLarge, Malformed, UnsupportedType

PARTS_AT_ONCE = 100
"""After so many parts of a form others get their turn."""

JSON = "application/json"
FORM = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data"

T = TypeVar("T")
Pairs = tuple[tuple[str, str], ...]


def head(request: web.BaseRequest, most_fields: int = MOST_FIELDS) -> Call:
    """Return the call without its body; header names may be asked for in any case."""
    query = request.rel_url.raw_query_string
    return Call(
        method=request.method,
        path=request.path,
        query=_pairs(query, most_fields) if query else (),
        headers=request.headers,
        peer=request.remote or "",
    )


def readable(request: web.BaseRequest, most_fields: int = MOST_FIELDS) -> Call:
    """Return the call without its body, and without its query where that cannot be read; it never raises."""
    try:
        return head(request, most_fields)
    except Malformed:
        return Call(
            method=request.method, path=request.path, headers=request.headers, peer=request.remote or ""
        )


async def read(
    request: web.BaseRequest, *, limit: int, patience_s: float, most_fields: int = MOST_FIELDS
) -> Call:
    """Return the call with its body, of at most `limit` bytes, which must be here within `patience_s` seconds.

    Query and form may have `most_fields` fields each.

    Raises:
        ContentTooLarge: it has more.
        UnsupportedType: it is compressed.
        Malformed: it comes too slowly, or is not what its type says.
    """
    query = request.rel_url.raw_query_string
    kind = _type(request)
    form: Pairs = ()
    files: tuple[Upload, ...] = ()
    body = b""
    if kind == MULTIPART:
        check(request, limit)
        form, files = await _in_time(_multipart(request, limit, most_fields), patience_s)
    elif kind:
        body = _at_hand(request, limit) or await read_body(request, limit=limit, patience_s=patience_s)
        if kind == FORM:
            form, body = _pairs(body.decode(errors="surrogateescape"), most_fields), b""
    return Call(
        method=request.method,
        path=request.path,
        query=_pairs(query, most_fields) if query else (),
        headers=request.headers,
        body=body,
        form=form,
        files=files,
        peer=request.remote or "",
    )


async def read_body(request: web.BaseRequest, *, limit: int, patience_s: float) -> bytes:
    """Return the bare body; raises as `read` does."""
    body = _at_hand(request, limit)
    if body is None:
        check(request, limit)
        body = await _in_time(_whole(request, limit), patience_s)
    return body


def _at_hand(request: web.BaseRequest, limit: int) -> bytes | None:
    """Return a body that came with the head, as most do: there is nothing to wait for."""
    if not request.content.is_eof():
        return None
    _check_encoding(request)
    body = request.content.read_nowait()
    if len(body) > limit:
        raise ContentTooLarge(f"the body must have at most {limit} bytes")
    return body


def check(request: web.BaseRequest, limit: int) -> None:
    """Return if the head promises a body that may be read.

    Raises:
        ContentTooLarge, UnsupportedType: it does not.
    """
    _check_encoding(request)
    if (request.content_length or 0) > limit:
        raise ContentTooLarge(f"the body must have at most {limit} bytes")


def _check_encoding(request: web.BaseRequest) -> None:
    if request.headers.get("Content-Encoding", "identity") != "identity":
        raise UnsupportedType("compressed requests are not taken")


def _type(request: web.BaseRequest) -> str:
    """Return the body's type without parameters; empty where there is no body."""
    if not request.body_exists:
        return ""
    # Most bodies name their type in one way; only the others are parsed.
    return JSON if request.headers.get("Content-Type") == JSON else request.content_type


async def _whole(request: web.BaseRequest, limit: int) -> bytes:
    read = bytearray()
    async for chunk in request.content.iter_any():
        read += chunk
        if len(read) > limit:
            raise ContentTooLarge(f"the body must have at most {limit} bytes")
    return bytes(read)


async def _in_time(work: Awaitable[T], patience_s: float) -> T:
    try:
        async with asyncio.timeout(patience_s):
            return await work
    except TimeoutError as error:
        raise Malformed("the body came too slowly") from error
    except web.RequestPayloadError as error:
        raise Malformed("the body did not come in whole") from error


async def _multipart(
    request: web.BaseRequest, limit: int, most_fields: int
) -> tuple[Pairs, tuple[Upload, ...]]:
    form: list[tuple[str, str]] = []
    files: list[Upload] = []
    try:
        reader = await request.multipart()
        while (part := await reader.next()) is not None:
            if not isinstance(part, BodyPartReader) or part.name is None:
                raise Malformed("every part of the form needs a name")
            if (before := len(form) + len(files)) >= most_fields:
                raise Malformed(f"the form has more than {most_fields} parts")
            if before and before % PARTS_AT_ONCE == 0:
                await asyncio.sleep(0)
            if part.headers.get("Content-Transfer-Encoding", "binary").lower() not in (
                "binary",
                "8bit",
                "7bit",
            ):
                raise Malformed("the parts of the form must not be encoded")
            data = await _part(part, limit)
            limit -= len(data)
            if part.filename is None:
                form.append((part.name, data.decode(part.get_charset("utf-8"), "surrogateescape")))
            else:
                kind = part.headers.get("Content-Type", "")
                files.append(Upload(field=part.name, filename=part.filename, content_type=kind, data=data))
    except (ValueError, LookupError, AssertionError, RuntimeError, HttpProcessingError) as error:
        raise Malformed("the form cannot be read") from error
    return tuple(form), tuple(files)


async def _part(part: BodyPartReader, limit: int) -> bytes:
    read = bytearray()
    while chunk := await part.read_chunk():
        read += chunk
        if len(read) > limit:
            raise ContentTooLarge(f"the body must have at most {limit} bytes")
    return bytes(read)


def _pairs(text: str, most: int = MOST_FIELDS) -> Pairs:
    """Return the names and values of a query or form, as `urllib.parse.parse_qsl` does in twice the time."""
    if text.count("&") >= most:
        raise Malformed("the names and values cannot be read")
    pairs = (piece.partition("=") for piece in text.split("&") if piece)
    return tuple(
        [
            (name if name.isalpha() else _unquoted(name), value if value.isalnum() else _unquoted(value))
            for name, _, value in pairs
        ]
    )


def _unquoted(text: str) -> str:
    # What is no UTF-8 stays recognisable: some dialects name another charset, and the others refuse it.
    if "+" in text:
        text = text.replace("+", " ")
    if "%" not in text:
        return text
    if text.isascii():
        return unquote_to_bytes(text).decode(errors="surrogateescape")
    return unquote(text, errors="surrogateescape")
