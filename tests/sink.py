"""A customer's web server that takes callbacks, and answers as the test says."""

import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One request that came, and what it was answered."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes
    status: int

    @property
    def id(self) -> str:
        """The callback's id."""
        return self.headers["webhook-id"]

    def json(self) -> Any:
        """Return the body."""
        return json.loads(self.body)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """An answer: `wait` is waited for first, a body of more than a little shows who reads it all."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b"ok"
    wait: threading.Event | None = None


class Sink:
    """Takes requests on a port of its own; `answer` is given the path and how many requests came before."""

    def __init__(self, answer: Callable[[str, int], Reply] = lambda path, before: Reply()) -> None:
        self.answer = answer
        self.told: list[Told] = []
        sink = self
        lock = threading.Lock()

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                headers = {name.lower(): value for name, value in self.headers.items()}
                with lock:
                    reply = sink.answer(self.path, len(sink.told))
                    one = Told(
                        method=self.command, path=self.path, headers=headers, body=body, status=reply.status
                    )
                    sink.told.append(one)
                if reply.wait is not None:
                    reply.wait.wait(60)
                self.close_connection = reply.wait is not None
                try:
                    self.send_response(reply.status)
                    for name, value in {**reply.headers, "Content-Length": str(len(reply.body))}.items():
                        self.send_header(name, value)
                    self.end_headers()
                    self.wfile.write(reply.body)
                except OSError:
                    self.close_connection = True

            do_GET = do_POST  # noqa: N815  # as the base class wants it

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._server.block_on_close = False
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()

    @property
    def authority(self) -> str:
        """Its host and port."""
        return f"127.0.0.1:{self._server.server_port}"

    def url(self, path: str = "/told") -> str:
        """Return the URL of a path."""
        return f"http://{self.authority}{path}"

    def good(self) -> list[Told]:
        """Return what was answered with a 2xx."""
        return [one for one in self.told if one.status // 100 == 2]

    def close(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
