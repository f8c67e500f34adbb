"""A worker's open handles, and a carrier that answers as the test says."""

import asyncio
import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from broker.domain.account import Account
from broker.domain.ids import new_id
from broker.domain.message import Message
from broker.keyspace.admission import Admission, AdmissionRequest
from broker.runtime import Runtime
from broker.settings import Settings
from tests.prepared import prepare
from tests.sink import Sink

ACCOUNT = Account(name="acme", senders=("+12025550150",))
TOKEN = (200, {"access_token": "a-token", "expires_in": 3600})
ACCEPTED = (202, {"id": "carrier-1"})

Answer = tuple[int, dict[str, Any]]


@dataclass
class Carrier:
    """Answers token and create calls; what it was sent is kept, and `headers` go with every answer."""

    token: Callable[[], Answer] = lambda: TOKEN
    create: Callable[[], Answer] = lambda: ACCEPTED
    headers: dict[str, str] = field(default_factory=dict)
    paths: list[str] = field(default_factory=list)
    port: int = 0

    def asked(self, ending: str) -> int:
        """Return how often a path of that ending was called."""
        return sum(path.endswith(ending) for path in self.paths)

    def handler(carrier: "Carrier") -> type[BaseHTTPRequestHandler]:  # noqa: N805  # self is the handler's
        """Return what serves this carrier."""

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["content-length"]))
                carrier.paths.append(self.path)
                status, body = carrier.token() if self.path.endswith("token") else carrier.create()
                data = json.dumps(body).encode()
                self.send_response(status)
                for name, value in {**carrier.headers, "Content-Length": str(len(data))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_: object) -> None:
                pass

        return Handler


@pytest.fixture
def sink() -> Iterator[Sink]:
    """The web server of a customer."""
    one = Sink()
    yield one
    one.close()


@pytest.fixture
def carrier() -> Iterator[Carrier]:
    one = Carrier()
    server = ThreadingHTTPServer(("127.0.0.1", 0), one.handler())
    server.daemon_threads = True
    one.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield one
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def open_runtime(
    make_settings: Callable[..., Settings], carrier: Carrier
) -> Iterator[Callable[..., Runtime]]:
    """Open a runtime whose only connection leads to the carrier, with settings of the test's choice."""
    opened: list[Runtime] = []

    def open_one(*, prepared: bool = True, **changes: Any) -> Runtime:
        settings = make_settings(**{"take_wait_s": 60, **changes})
        if prepared:
            prepare(settings, _document(carrier.port))
        runtime = Runtime.open(settings)
        opened.append(runtime)
        return runtime

    yield open_one
    for runtime in opened:
        runtime.close()


@pytest.fixture
def runtime(open_runtime: Callable[..., Runtime]) -> Runtime:
    return open_runtime()


def _document(port: int) -> dict[str, Any]:
    connection = {
        "name": "bandwidth-1",
        "provider": "bandwidth",
        "base_url": f"http://127.0.0.1:{port}/api/v2",
        "token_url": f"http://127.0.0.1:{port}/token",
        "auth": "oauth2",
        "client_id": "client",
        "client_secret": "secret",
        "account_id": "9900000",
        "application_id": "app-1",
        "senders": list(ACCOUNT.senders),
    }
    account = {"name": "acme", "password": "a password", "senders": list(ACCOUNT.senders)}
    return {"accounts": [account], "connections": [connection]}


def outbound(**changes: Any) -> Message:
    """Return a new text message of the account."""
    now = datetime.now(UTC)
    usual = {
        "id": new_id(),
        "account": "acme",
        "originator": "+12025550150",
        "recipient": "+12025550101",
        "text": "Hello",
        "created_at": now,
        "valid_until": now + timedelta(days=1),
    }
    return Message(**{**usual, **changes})


def admit(settings: Settings, *requests: tuple[Message, ...]) -> None:
    """Admit each tuple of messages as one request."""

    async def run() -> None:
        admission = Admission(settings.redis_url, settings)
        for messages in requests:
            request = AdmissionRequest(account=ACCOUNT, messages=messages, now=datetime.now(UTC))
            await admission.admit(request)
        await admission.close()

    asyncio.run(run())
