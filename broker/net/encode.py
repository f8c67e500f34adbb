"""A request as the bytes that go on the wire."""

import re
from functools import lru_cache

from broker import __version__
from broker.domain.wire import Request
from broker.errors import Rejected
from broker.net.target import Target, locate

USER_AGENT = f"ringpost/{__version__}"

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_OURS = frozenset({"host", "content-length", "transfer-encoding", "connection"})
_WITH_LENGTH = frozenset({"POST", "PUT", "PATCH"})


def aim(request: Request) -> Target:
    """Return where a request goes.

    Raises:
        Rejected: its URL cannot be used.
    """
    try:
        return locate(request.url)
    except ValueError as error:
        raise Rejected(str(error)) from error


def head(request: Request, target: Target) -> bytes:
    """Return the request line and headers, up to and with the blank line.

    Raises:
        Rejected: a name or value cannot stand in a header, for instance because it holds a line break.
    """
    headers = request.headers
    lines = [f"{name}: {value}\r\n" for name, value in headers.items()]
    own = _own(request.method, tuple(headers))
    length = len(request.body)
    if length or request.method in _WITH_LENGTH:
        own = f"{own}Content-Length: {length}\r\n"
    text = f"{request.method} {target.path} HTTP/1.1\r\nHost: {target.authority}\r\n{own}{''.join(lines)}\r\n"
    # Every line break must be one of ours: a value that brings its own would write headers of its own.
    breaks = own.count("\n") + len(lines) + 3
    if text.count("\n") != breaks or text.count("\r") != breaks or "\0" in text:
        raise Rejected("a header value holds a line break or NUL")
    try:
        return text.encode("latin-1")
    except UnicodeEncodeError as error:
        raise Rejected("a header value cannot be written in Latin-1") from error


@lru_cache(maxsize=256)
def _own(method: str, names: tuple[str, ...]) -> str:
    """Return the headers we add to those `names`, once they and the method are known to be harmless."""
    lowered = {name.lower() for name in names}
    if (
        not all(_TOKEN.fullmatch(name) for name in (method, *names))
        or lowered & _OURS
        or len(lowered) < len(names)
    ):
        raise Rejected("a method or header name cannot be used")
    own = {"user-agent": f"User-Agent: {USER_AGENT}\r\n", "accept-encoding": "Accept-Encoding: identity\r\n"}
    return "".join(line for name, line in own.items() if name not in lowered)
