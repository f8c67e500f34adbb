"""A thin client of the HTTP API of a running stack."""

import base64
import http.client
import json
import math
import mimetypes
import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from broker.cli.folder import Folder

_TIMEOUT_S = 30.0
_PAGE = 200


class Unreachable(Exception):
    """There is no server to talk to; the text is for a person."""


class Refused(Exception):
    """The server answered with an error."""

    def __init__(self, status: int, code: str, sentence: str) -> None:
        super().__init__(f"{code}: {sentence}")
        self.status = status
        self.code = code


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One answer; header names are lower case."""

    status: int
    headers: Mapping[str, str]
    body: Any


class Api:
    """The API at one address, with one key, or an operator's login (`name:password`)."""

    def __init__(self, base: str, key: str = "", *, login: str = "") -> None:
        self._address = urlsplit(base)
        basic = base64.b64encode(login.encode()).decode()
        self._authorization = f"Bearer {key}" if key else f"Basic {basic}" if login else ""

    @classmethod
    def of(cls, folder: Folder, *, url: str = "", key: str = "") -> "Api":
        """Return the API of the stack that runs on a folder, with the folder's own key.

        Raises:
            Unreachable: nothing runs there.
        """
        return cls(_base(folder, url), key or _kept(folder, "client.key"))

    @classmethod
    def of_operators(cls, folder: Folder, *, url: str = "", login: str = "") -> "Api":
        """Return the API of the stack that runs on a folder, for an operator: the folder's own, unless one is given.

        Raises:
            Unreachable: nothing runs there.
        """
        return cls(_base(folder, url), login=login or _kept(folder, "operator.key"))

    def get(self, path: str, **query: str | int | None) -> Any:
        """Return what a path holds; a parameter that is None is left out."""
        asked = {name.rstrip("_"): value for name, value in query.items() if value is not None}
        return self.call("GET", f"{path}?{urlencode(asked)}" if asked else path).body

    def rows(
        self, path: str, *, limit: int | None = None, **query: str | int | None
    ) -> Iterator[dict[str, Any]]:
        """Yield what a list holds, page by page, `limit` rows at most."""
        cursor: str | None = None
        left = math.inf if limit is None else limit
        while left > 0:
            page = self.get(path, **query, cursor=cursor, limit=int(min(_PAGE, left)))
            yield from page["data"]
            left -= len(page["data"])
            cursor = page["next_cursor"]
            if cursor is None:
                return

    def message(self, message_id: str) -> dict[str, Any]:
        """Return all that is known of a message."""
        return dict(self.get(f"/v1/messages/{quote(message_id, safe='')}"))

    def send(
        self, message: Mapping[str, Any], files: Sequence[Path] = (), *, key: str = ""
    ) -> dict[str, Any]:
        """Hand over a message, with files as its parts, and return what the server took it as."""
        headers = {"Idempotency-Key": key or secrets.token_hex(16)}
        if not files:
            body, content_type = json.dumps(message).encode(), "application/json"
        else:
            body, content_type = _form(message, files)
        return dict(self.call("POST", "/v1/messages", body, {**headers, "Content-Type": content_type}).body)

    def post(self, path: str, body: Mapping[str, str | float | None], *, nulls: bool = False) -> Any:
        """Send a JSON object, without what is None in it unless that means something, and return what comes back."""
        given = {name: value for name, value in body.items() if nulls or value is not None}
        return self.call("POST", path, json.dumps(given).encode(), {"Content-Type": "application/json"}).body

    def call(
        self, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> Answer:
        """Send one request.

        Raises:
            Unreachable: nobody answered.
            Refused: the answer is an error.
        """
        secure = self._address.scheme == "https"
        kind = http.client.HTTPSConnection if secure else http.client.HTTPConnection
        connection = kind(self._address.hostname or "", self._address.port, timeout=_TIMEOUT_S)
        login = {"Authorization": self._authorization} if self._authorization else {}
        try:
            connection.request(method, path, body or None, {**login, **(headers or {})})
            response = connection.getresponse()
            content = response.read()
        except (OSError, http.client.HTTPException) as error:
            raise Unreachable(f"no answer from {self._address.geturl()}: {error}") from None
        finally:
            connection.close()
        found = {name.lower(): value for name, value in response.getheaders()}
        return _checked(Answer(status=response.status, headers=found, body=_read(content)))


def _base(folder: Folder, url: str) -> str:
    base = url or folder.read_endpoints().get("ingress", "")
    if not base:
        raise Unreachable(f"nothing runs on {folder.path}; start it with ./run up --data {folder.path}")
    return str(base)


def _kept(folder: Folder, name: str) -> str:
    """Return a secret that `up` left in the folder, or nothing."""
    file = folder.path / name
    return file.read_text().strip() if file.exists() else ""


def _checked(answer: Answer) -> Answer:
    if answer.status < http.HTTPStatus.BAD_REQUEST:
        return answer
    problem = answer.body if isinstance(answer.body, dict) else {}
    sentence = str(problem.get("detail") or f"the server answered {answer.status}")
    for error in problem.get("errors", ()):
        sentence += f"\n  {error.get('pointer', '')}: {error.get('message', '')}"
    raise Refused(answer.status, str(problem.get("code") or "error"), sentence)


def _read(content: bytes) -> Any:
    try:
        return json.loads(content)
    except ValueError:
        return content.decode(errors="replace")


def _form(message: Mapping[str, Any], files: Sequence[Path]) -> tuple[bytes, str]:
    """Return a multipart form with the message as JSON and the files."""
    boundary = secrets.token_hex(16)
    parts = [(b'Content-Disposition: form-data; name="message"', json.dumps(message).encode())]
    for file in files:
        kind = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
        name = file.name.replace("\\", "_").replace('"', "_")
        head = f'Content-Disposition: form-data; name="media"; filename="{name}"\r\nContent-Type: {kind}'
        parts.append((head.encode(), file.read_bytes()))
    edge = f"--{boundary}".encode()
    body = b"".join(b"%s\r\n%s\r\n\r\n%s\r\n" % (edge, head, content) for head, content in parts)
    return body + edge + b"--\r\n", f"multipart/form-data; boundary={boundary}"
