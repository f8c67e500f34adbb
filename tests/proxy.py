"""A TCP proxy that loses what it is told to lose."""

import asyncio
from contextlib import suppress


class Proxy:
    """Passes bytes on to a server, until told to cut a connection after a request and before its answer.

    `cut` is how many answers to lose; only answers to requests that hold `marker` count.
    """

    def __init__(self, port: int, *, marker: bytes = b"EVALSHA") -> None:
        self._target = port
        self._marker = marker
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.Task[None]] = set()
        self.cut = 0
        self.lost = 0

    async def start(self) -> int:
        """Listen, and return the port."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    async def stop(self) -> None:
        """Listen no more, and end what is open."""
        if self._server is not None:
            self._server.close()
        for task in self._open:
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._open.add(task)
        task.add_done_callback(self._open.discard)
        upstream, downstream = await asyncio.open_connection("127.0.0.1", self._target)
        back = asyncio.create_task(_pump(upstream, writer))
        try:
            await self._forth(reader, downstream, upstream, back)
        finally:
            back.cancel()
            writer.transport.abort()
            downstream.transport.abort()
            await asyncio.gather(back, return_exceptions=True)

    async def _forth(
        self,
        reader: asyncio.StreamReader,
        downstream: asyncio.StreamWriter,
        upstream: asyncio.StreamReader,
        back: asyncio.Task[None],
    ) -> None:
        with suppress(ConnectionError):
            while data := await reader.read(1 << 20):
                losing = self.cut > 0 and self._marker in data
                if losing:
                    self.cut -= 1
                    self.lost += 1
                    back.cancel()
                    await asyncio.gather(back, return_exceptions=True)
                downstream.write(data)
                await downstream.drain()
                if losing:
                    await upstream.read(1)  # the server has answered: it has done what it was asked
                    return


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        while data := await reader.read(1 << 20):
            writer.write(data)
            await writer.drain()
    writer.close()
