"""Bringing one file home, within limits."""

from collections.abc import Callable
from dataclasses import dataclass
from email.message import Message
from http import HTTPStatus
from urllib.parse import unquote, urljoin, urlsplit

from broker.domain.wire import Request
from broker.errors import (
    MediaForbidden,
    MediaGone,
    MediaTooLarge,
    MediaUnavailable,
    MediaWrongType,
    NotAuthorised,
    OutcomeUnknown,
    Rejected,
    Unavailable,
)
from broker.net.plain import AiohttpClient, Incoming

_OK = 200
_REDIRECTS = range(300, 400)
_MOVED = frozenset(
    {
        HTTPStatus.MOVED_PERMANENTLY,
        HTTPStatus.FOUND,
        HTTPStatus.SEE_OTHER,
        HTTPStatus.TEMPORARY_REDIRECT,
        HTTPStatus.PERMANENT_REDIRECT,
    }
)
_REFUSED = frozenset({401, 403})
_GONE = frozenset({404, 410})


@dataclass(frozen=True, slots=True, kw_only=True)
class Downloaded:
    """What came, in the host's words: neither type nor name is to be trusted. `size` is in bytes, as counted."""

    content_type: str
    size: int
    filename: str


async def download(
    client: AiohttpClient,
    request: Request,
    sink: Callable[[bytes], None],
    *,
    limit: int,
    timeout_s: float,
    redirects: int = 0,
) -> Downloaded:
    """Fetch a file and hand it to `sink` piece by piece; at most `limit` bytes, and `timeout_s` seconds a request.

    So many redirects are followed, each looked at as if it were the first URL, without the request's headers, and
    never from https to http. On any error what the sink was given so far is to be thrown away.

    Raises:
        MediaTooLarge: the host announces or sends more.
        MediaGone: there is no such file (404, 410).
        MediaForbidden: it lies where we do not go, or the host sends us elsewhere once too often.
        MediaWrongType: it is packed, though we asked for it plain.
        MediaUnavailable: the host did not answer, or not in full: try again.
        NotAuthorised: our credentials are missing, old or wrong (401, 403): renew them and try again.
    """
    try:
        for _ in range(redirects):
            async with client.stream(request, timeout_s=timeout_s) as answer:
                if answer.status not in _MOVED:
                    return await _kept(request, answer, sink, limit)
                request = Request(method="GET", url=_elsewhere(request.url, answer))
        async with client.stream(request, timeout_s=timeout_s) as answer:
            return await _kept(request, answer, sink, limit)
    except (Unavailable, OutcomeUnknown) as error:
        raise MediaUnavailable(error.detail) from error
    except Rejected as error:
        raise MediaForbidden(error.detail) from error


async def _kept(request: Request, answer: Incoming, sink: Callable[[bytes], None], limit: int) -> Downloaded:
    _check_status(answer.status)
    _check_head(answer, limit)
    size = 0
    async for chunk in answer.chunks():
        size += len(chunk)
        if size > limit:
            raise MediaTooLarge(f"the file has more than {limit} bytes")
        sink(chunk)
    return Downloaded(
        content_type=answer.headers.get("content-type", "").partition(";")[0].strip().lower(),
        size=size,
        filename=_name(request.url, answer.headers.get("content-disposition", "")),
    )


def _elsewhere(url: str, answer: Incoming) -> str:
    try:
        target = urljoin(url, answer.headers.get("location", ""))
    except ValueError as error:
        raise MediaForbidden("the media host sends us nowhere") from error
    if url.lower().startswith("https:") and not target.lower().startswith("https:"):
        raise MediaForbidden("the media host sends us from https to http")
    return target


def _check_status(status: int) -> None:
    if status == _OK:
        return
    if status in _REFUSED:
        raise NotAuthorised("the media host refuses our credentials", http_status=status)
    if status in _GONE:
        raise MediaGone(f"the media host says {status}")
    if status in _REDIRECTS:
        raise MediaForbidden("the media host sends us elsewhere")
    raise MediaUnavailable(f"the media host says {status}")


def _check_head(answer: Incoming, limit: int) -> None:
    if answer.headers.get("content-encoding", "identity").strip().lower() not in {"", "identity"}:
        raise MediaWrongType("the file is packed, though we asked for it plain")
    announced = answer.headers.get("content-length", "")
    if announced.isascii() and announced.isdigit() and int(announced) > limit:
        raise MediaTooLarge(f"the file has more than {limit} bytes")


def _name(url: str, disposition: str) -> str:
    """Return the file's name: as the host gives it (RFC 6266), or the last piece of the path."""
    message = Message()
    message["Content-Disposition"] = disposition
    return message.get_filename() or unquote(urlsplit(url).path.rpartition("/")[2])
