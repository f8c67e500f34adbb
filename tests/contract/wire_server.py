"""A real ingress on a real socket, in a thread of the tests' own process."""

import asyncio
import http.client
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from broker.ingress.doors import Doors
from broker.ingress.serving import serving
from broker.settings import Settings
from broker.storage.database import Database
from tests.prepared import apply, prepare

READY_S, ANSWER_S = 30.0, 20.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """An answer as it came; header names are lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """An ingress that is up, and its database."""

    port: int
    settings: Settings

    def ask(self, method: str, target: str, body: bytes = b"", headers: Mapping[str, str] = {}) -> Answer:
        """Send one request, its target as it is, and return the answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=ANSWER_S)
        try:
            connection.putrequest(method, target, skip_accept_encoding=True)
            for name, value in {**headers, "Content-Length": str(len(body))}.items():
                connection.putheader(name, value)
            connection.endheaders(body or None)
            answer = connection.getresponse()
            named = {name.lower(): value for name, value in answer.getheaders()}
            return Answer(status=answer.status, headers=named, body=answer.read())
        finally:
            connection.close()

    def prepare(self, document: Mapping[str, Any]) -> None:
        """Make the database, and apply a provisioning document."""
        prepare(self.settings, document)

    def provision(self, document: Mapping[str, Any]) -> None:
        """Apply a provisioning document."""
        secret_key = self.settings.secret_key.get_secret_value()
        database = Database(self.settings.database)
        database.write(lambda sql: apply(sql, document, secret_key=secret_key))
        database.close()


@contextmanager
def serve(
    settings: Settings,
    document: Mapping[str, Any] | None,
    *,
    alter: Callable[[Doors], Doors] = lambda doors: doors,
) -> Iterator[Server]:
    """Serve while the context lasts; without a document the database is not there, `alter` may change a part."""
    server = Server(port=0, settings=settings)
    if document is not None:
        server.prepare(document)
    loop = asyncio.new_event_loop()
    ready: threading.Event = threading.Event()
    ended = asyncio.Event()
    ports: list[int] = []

    async def run() -> None:
        doors = alter(await Doors.open(settings))
        async with serving(settings, doors=doors) as port:
            ports.append(port)
            ready.set()
            await ended.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(run(),), daemon=True)
    thread.start()
    try:
        assert ready.wait(READY_S), "the server did not come up"
        yield Server(port=ports[0], settings=settings)
    finally:
        loop.call_soon_threadsafe(ended.set)
        thread.join(READY_S)
        loop.close()
