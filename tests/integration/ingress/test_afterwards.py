"""What is done once a customer has the answer: then, and only then."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from aiohttp import web

from broker.domain.wire import Response
from broker.ingress.swift import Swift

HUGE = 64 * 1024 * 1024
"""More than sockets hold between two processes, so that the system cannot take it all over."""


@asynccontextmanager
async def serving(answer: Callable[[], Swift]) -> AsyncIterator[int]:
    """Serve one answer on a real socket; the value is its port."""

    async def handle(request: web.BaseRequest) -> web.StreamResponse:  # aiohttp gives it
        return answer()

    runner = web.ServerRunner(web.Server(handle, access_log=None), shutdown_timeout=1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


class Note:
    """Remembers whether the customer had its answer, and waits to be told."""

    def __init__(self) -> None:
        self.told: asyncio.Queue[bool] = asyncio.Queue()

    async def __call__(self, has_it: bool) -> None:
        await self.told.put(has_it)

    async def next(self) -> bool:
        """Wait for the next word."""
        return await asyncio.wait_for(self.told.get(), 30)


def answering(body: bytes, note: Callable[[bool], Awaitable[None]]) -> Callable[[], Swift]:
    """Return what makes the answer."""
    return lambda: Swift(Response(status=200, body=body), afterwards=note)


async def test_it_is_done_once_the_answer_is_with_the_customer() -> None:
    note = Note()
    async with serving(answering(b"x" * HUGE, note)) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        await reader.readuntil(b"\r\n\r\n")
        assert note.told.empty()
        await reader.readexactly(HUGE)
        assert await note.next() is True
        writer.close()


async def test_it_is_done_before_the_next_request_of_the_connection_is_read() -> None:
    note = Note()
    async with serving(answering(b"short", note)) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for _ in range(2):
            writer.write(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            await reader.readuntil(b"short")
        assert note.told.get_nowait() is True
        writer.close()


async def test_a_customer_that_hangs_up_before_the_end_does_not_have_it() -> None:
    note = Note()
    async with serving(answering(b"x" * HUGE, note)) as port:
        with socket.create_connection(("127.0.0.1", port)) as client:
            client.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            assert await asyncio.to_thread(client.recv, 15) == b"HTTP/1.1 200 OK"
        assert await note.next() is False
