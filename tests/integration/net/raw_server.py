"""A server that says exactly what a test tells it to."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """One request as the server read it. Header names are lower case."""

    connection: int
    line: str
    headers: dict[str, str]
    body: bytes


@dataclass(slots=True)
class Line:
    """One connection, seen from the server."""

    number: int
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    heard: list[Heard]

    async def hear(self) -> Heard:
        """Read one whole request."""
        head = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        line, *rest = head.rstrip("\r\n").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (entry.partition(":") for entry in rest)}
        body = await self.reader.readexactly(int(headers.get("content-length", "0")))
        self.heard.append(Heard(connection=self.number, line=line, headers=headers, body=body))
        return self.heard[-1]

    async def say(self, *pieces: bytes) -> None:
        """Write the pieces, each on its own."""
        for piece in pieces:
            self.writer.write(piece)
            await self.writer.drain()
            await asyncio.sleep(0)

    def cut(self) -> None:
        """Reset the connection."""
        self.writer.transport.abort()

    async def until_gone(self) -> None:
        """Wait for the client to hang up."""
        with suppress(ConnectionError):
            while await self.reader.read(65536):
                pass


Script = Callable[[Line], Awaitable[None]]


@dataclass(slots=True)
class Server:
    """A running server: where it is, and what it heard."""

    url: str
    connections: int = 0
    heard: list[Heard] = field(default_factory=list)


@asynccontextmanager
async def serving(script: Script, *, tls: ssl.SSLContext | None = None) -> AsyncIterator[Server]:
    """Run `script` for every connection; one that returns hangs up."""
    lines: set[asyncio.Task[None]] = set()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        lines.add(task)
        task.add_done_callback(lines.discard)
        server.connections += 1
        line = Line(number=server.connections, reader=reader, writer=writer, heard=server.heard)
        try:
            await script(line)
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass
        finally:
            writer.close()
            with suppress(ConnectionError, asyncio.CancelledError, ssl.SSLError):
                await writer.wait_closed()

    listening = await asyncio.start_server(answer, "127.0.0.1", 0, ssl=tls)
    port = listening.sockets[0].getsockname()[1]
    server = Server(url=f"{'https' if tls else 'http'}://127.0.0.1:{port}")
    try:
        yield server
    finally:
        listening.close()
        for task in list(lines):
            task.cancel()
        await asyncio.gather(*lines, return_exceptions=True)


def ok(body: bytes = b"", *extra: str, status: str = "200 OK") -> bytes:
    """Return an ordinary answer."""
    head = "".join(f"{line}\r\n" for line in (f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *extra))
    return head.encode("latin-1") + b"\r\n" + body
