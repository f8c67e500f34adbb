"""Read what a form of ours sent."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from aiohttp import web
from aiohttp.web_request import FileField

from broker.errors import ContentTooLarge, Malformed, NotPermitted

PATIENCE_S = 30.0
"""How long a form may take to come in."""
LIMIT = 1024 * 1024
"""Largest form, in bytes; aiohttp reads no more either."""
MOST_FIELDS = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """A file that somebody chose."""

    name: str
    content_type: str
    data: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """The fields of a form; of several with one name the last counts."""

    fields: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, File] = field(default_factory=dict)

    def text(self, name: str) -> str:
        """Return a field without blanks around it; empty where it is not there."""
        return self.fields.get(name, "").strip()


async def read_form(request: web.BaseRequest) -> Form:
    """Return the form that a request brought.

    Raises:
        ContentTooLarge, Malformed: it cannot be read.
    """
    if (request.content_length or 0) > LIMIT:
        raise ContentTooLarge(f"a form must have at most {LIMIT} bytes")
    try:
        async with asyncio.timeout(PATIENCE_S):
            posted: Any = await request.post()
    except web.HTTPRequestEntityTooLarge as error:
        raise ContentTooLarge(f"a form must have at most {LIMIT} bytes") from error
    except (TimeoutError, ValueError, LookupError, AssertionError, web.RequestPayloadError) as error:
        raise Malformed("the form cannot be read") from error
    if len(posted) > MOST_FIELDS:
        raise Malformed("the form has too many fields")
    fields: dict[str, str] = {}
    files: dict[str, File] = {}
    for name, value in posted.items():
        if isinstance(value, FileField):
            data = await asyncio.to_thread(value.file.read)
            files[name] = File(name=value.filename, content_type=value.content_type, data=data)
        elif isinstance(value, str):
            fields[name] = value
    return Form(fields=fields, files=files)


def check_origin(request: web.BaseRequest, *, public_url: str) -> None:
    """Return if a form was sent from a page of ours.

    Raises:
        NotPermitted: another site sent it, or the browser does not say who did.
    """
    origin = request.headers.get("Origin", "")
    asked = {urlsplit(public_url).netloc.lower(), request.headers.get("Host", "").lower()} - {""}
    try:
        place = urlsplit(origin)
    except ValueError:
        place = urlsplit("")
    if place.scheme not in {"http", "https"} or place.netloc.lower() not in asked:
        raise NotPermitted("this form was not sent from a page of this console")
