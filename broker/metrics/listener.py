"""A page of metrics on a port of its own, for processes that serve nothing else."""

import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

PATH = "/metrics"
TYPE = "text/plain; version=0.0.4; charset=utf-8"

IDLE_S = 10.0
"""How long a client may keep a connection without asking."""


class Listener:
    """Serves `page` at /metrics and nothing else, on threads of its own that end with the process."""

    def __init__(self, page: Callable[[], bytes], *, host: str, port: int) -> None:
        """Listen.

        Raises:
            OSError: the address is not to be had.
        """
        self._server = _Server((host, port), _handler(page))
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.2}, name="metrics", daemon=True
        )
        self._thread.start()

    @property
    def port(self) -> int:
        """The port it listens on."""
        return self._server.server_port

    def close(self) -> None:
        """Listen no more."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of a client that has gone."""


def _handler(page: Callable[[], bytes]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        timeout = IDLE_S

        def do_GET(self) -> None:
            found = self.path.partition("?")[0] == PATH
            body = page() if found else b"only /metrics is here\n"
            self.send_response(200 if found else 404)
            self.send_header("Content-Type", TYPE if found else "text/plain")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing of each look."""

    return Handler
