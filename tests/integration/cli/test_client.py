"""The thin client speaks HTTP as the API wants it, and turns refusals into sentences."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from broker.cli.client import Api, Refused, Unreachable
from broker.cli.folder import Folder

PROBLEM = {
    "code": "invalid_request",
    "detail": "the request cannot be used",
    "errors": [{"pointer": "/to", "code": "invalid_recipient", "message": "is not an address"}],
}


class Server(ThreadingHTTPServer):
    """Answers with what it was told to, and keeps what it was asked."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.answer: tuple[int, Any] = (200, {})
        self.asked: list[tuple[str, dict[str, str], bytes]] = []

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    """One request."""

    server: Server

    def do_GET(self) -> None:
        """Answer."""
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.server.asked.append((f"{self.command} {self.path}", headers, body))
        status, answer = self.server.answer
        self.send_response(status)
        self.end_headers()
        self.wfile.write(json.dumps(answer).encode())

    do_POST = do_DELETE = do_GET  # noqa: N815  (the base class says so)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Say nothing."""


@contextmanager
def serving() -> Iterator[Server]:
    """Run a server."""
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def server() -> Iterator[Server]:
    """A server that listens."""
    with serving() as one:
        yield one


def test_a_message_goes_out_as_json_with_the_key_and_a_fresh_idempotency_key(server: Server) -> None:
    server.answer = (202, {"id": "x"})
    api = Api(server.url, "secret")
    assert api.send({"to": "+12025550101"}) == {"id": "x"}
    api.send({"to": "+12025550101"})
    (line, headers, body), (_, again, _) = server.asked
    assert line == "POST /v1/messages"
    assert (headers["authorization"], headers["content-type"]) == ("Bearer secret", "application/json")
    assert json.loads(body) == {"to": "+12025550101"}
    assert headers["idempotency-key"] != again["idempotency-key"]


def test_files_go_along_in_a_form_beside_the_message(server: Server, tmp_path: Path) -> None:
    file = tmp_path / 'a "fine" one.jpg'
    file.write_bytes(b"\xff\xd8\xff")
    Api(server.url).send({"text": "Grüße"}, [file])
    _, headers, body = server.asked[0]
    boundary = headers["content-type"].partition("boundary=")[2].encode()
    _, message, media, end = body.split(b"--" + boundary)
    assert b'name="message"' in message
    assert json.loads(message.split(b"\r\n\r\n")[1]) == {"text": "Grüße"}
    assert b'name="media"; filename="a _fine_ one.jpg"\r\nContent-Type: image/jpeg' in media
    assert media.split(b"\r\n\r\n")[1] == b"\xff\xd8\xff\r\n"
    assert end == b"--\r\n"


def test_filters_that_are_not_given_are_left_out(server: Server) -> None:
    Api(server.url).get("/v1/messages", direction=None, from_="+12025550150", limit=5)
    assert server.asked[0][0] == "GET /v1/messages?from=%2B12025550150&limit=5"


def test_a_list_is_read_page_by_page_and_no_further_than_wanted(server: Server) -> None:
    server.answer = (200, {"data": [{"id": 1}, {"id": 2}], "next_cursor": "more"})
    rows = list(Api(server.url).rows("/v1/callbacks", limit=4, state="held", account=None))
    assert [row["id"] for row in rows] == [1, 2, 1, 2]
    assert [asked[0] for asked in server.asked] == [
        "GET /v1/callbacks?state=held&limit=4",
        "GET /v1/callbacks?state=held&cursor=more&limit=2",
    ]
    server.answer = (200, {"data": [{"id": 3}], "next_cursor": None})
    assert list(Api(server.url).rows("/v1/callbacks")) == [{"id": 3}], "it ends where the list does"


def test_a_refusal_says_what_and_where(server: Server) -> None:
    server.answer = (422, PROBLEM)
    with pytest.raises(Refused) as caught:
        Api(server.url).send({})
    assert str(caught.value) == "invalid_request: the request cannot be used\n  /to: is not an address"


def test_an_error_page_is_a_refusal_too(server: Server) -> None:
    server.answer = (502, "<html>")
    with pytest.raises(Refused, match="the server answered 502"):
        Api(server.url).get("/v1/messages")


def test_nobody_there_is_not_a_refusal(server: Server) -> None:
    url = server.url
    server.server_close()
    with pytest.raises(Unreachable, match="no answer from"):
        Api(url).get("/v1/messages")


def test_the_folder_knows_where_and_with_which_key(server: Server, tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    with pytest.raises(Unreachable, match="nothing runs on"):
        Api.of(folder)
    (tmp_path / "endpoints.json").write_text(json.dumps({"ingress": server.url}))
    (tmp_path / "client.key").write_text("folder-key\n")
    Api.of(folder).get("/v1/messages")
    Api.of(folder, key="own-key").get("/v1/messages")
    assert [headers["authorization"] for _, headers, _ in server.asked] == [
        "Bearer folder-key",
        "Bearer own-key",
    ]
