"""Plain HTTP from a test, one connection a request, and waiting for what comes later."""

import base64
import http.client
import json
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import urlencode, urlsplit

T = TypeVar("T")

WITHIN_S = 40.0
POLL_S = 0.03


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One answer; header names are lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """Return the body as JSON."""
        return json.loads(self.body)


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """A file in a form."""

    name: str
    content_type: str
    data: bytes


def request(
    url: str, method: str = "GET", *, body: bytes = b"", headers: Mapping[str, str] | None = None
) -> Answer:
    """Send one request and return its answer, whatever its status."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=30)
    try:
        target = parts.path + (f"?{parts.query}" if parts.query else "")
        connection.request(method, target, body or None, dict(headers or {}))
        response = connection.getresponse()
        found = {name.lower(): value for name, value in response.getheaders()}
        return Answer(status=response.status, headers=found, body=response.read())
    finally:
        connection.close()


def basic(user: str, password: str) -> dict[str, str]:
    """Return the header of HTTP Basic credentials."""
    return {"Authorization": f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}"}


def query(url: str, **parameters: str) -> str:
    """Return a URL with parameters; `from_` is called `from`."""
    named = {"from" if name == "from_" else name: value for name, value in parameters.items()}
    return f"{url}?{urlencode(named)}"


def form(fields: Mapping[str, str], *files: File, field: str = "media") -> tuple[bytes, dict[str, str]]:
    """Return the body of a multipart form, and its header."""
    edge = secrets.token_hex(16)
    pieces = [
        f'--{edge}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        for name, value in fields.items()
    ]
    for file in files:
        head = f'--{edge}\r\nContent-Disposition: form-data; name="{field}"; filename="{file.name}"\r\n'
        pieces.append(f"{head}Content-Type: {file.content_type}\r\n\r\n".encode() + file.data + b"\r\n")
    return b"".join(pieces) + f"--{edge}--\r\n".encode(), {
        "Content-Type": f"multipart/form-data; boundary={edge}"
    }


def eventually(look: Callable[[], T], what: str = "", *, within_s: float = WITHIN_S) -> T:
    """Look until what is found is true, and return it."""
    deadline = time.monotonic() + within_s
    while not (found := look()):
        assert time.monotonic() < deadline, f"waited too long{': ' if what else ''}{what}; last seen: {found}"
        time.sleep(POLL_S)
    return found
