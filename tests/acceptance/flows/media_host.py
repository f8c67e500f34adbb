"""A small web server for media that customers' URLs name, or that nobody should ever ask for."""

import itertools
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """One request that came."""

    path: str
    headers: Mapping[str, str]


class MediaHost:
    """Serves what it was given, and remembers who asked for what."""

    def __init__(self) -> None:
        self.seen: list[Seen] = []
        self._files: dict[str, tuple[str, bytes]] = {}
        self._moved: dict[str, str] = {}
        self._trouble: dict[str, list[int]] = {}
        self._count = itertools.count(1)
        host = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version: ClassVar[str] = "HTTP/1.1"

            def do_GET(self) -> None:
                host.answer(self)

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05})
        self._thread.start()

    @property
    def authority(self) -> str:
        """Its host and port."""
        return f"127.0.0.1:{self._server.server_port}"

    def put(self, name: str, content_type: str, data: bytes, *, trouble: Sequence[int] = ()) -> str:
        """Serve a file, after these answers of another status, and return its URL, which nothing else has."""
        path = f"/{next(self._count)}/{name}"
        self._files[path] = content_type, data
        self._trouble[path] = list(trouble)
        return f"http://{self.authority}{path}"

    def move(self, name: str, to: str) -> str:
        """Redirect from a name to another URL, and return the URL of the name."""
        path = f"/{next(self._count)}/{name}"
        self._moved[path] = to
        return f"http://{self.authority}{path}"

    def asked(self, url: str) -> list[Seen]:
        """Return the requests for a URL."""
        path = url.partition(self.authority)[2]
        return [one for one in self.seen if one.path == path]

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        """Answer one request."""
        headers = {name.lower(): value for name, value in handler.headers.items()}
        self.seen.append(Seen(path=handler.path, headers=headers))
        status, kind, data = 404, "text/plain", b""
        if self._trouble.get(handler.path):
            status = self._trouble[handler.path].pop(0)
        elif handler.path in self._files:
            status, (kind, data) = 200, self._files[handler.path]
        elif handler.path in self._moved:
            status = 302
        handler.send_response(status)
        handler.send_header("Content-Type", kind)
        handler.send_header("Content-Length", str(len(data)))
        handler.send_header("Location", self._moved.get(handler.path, "/"))
        handler.end_headers()
        handler.wfile.write(data)

    def close(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
