"""A TCP proxy that loses what it is told to lose."""

import asyncio
import random
from contextlib import suppress

from broker.cli.chaos.snare import Snare

_CHUNK = 1 << 20


class Proxy:
    """Passes bytes on to a server on this machine, until a dial says otherwise.

    `cut` is how many answers to lose: the connection ends after the request and before its answer; `share` of all
    answers go the same way. Only answers to requests that hold `marker` count. `delay_s` holds up every piece,
    `freeze` holds up everything until `thaw`, and after `refuse` nobody listens until `accept`. A `snare`
    keeps one answer from the client that it is for.
    """

    def __init__(self, port: int, *, marker: bytes = b"EVALSHA", seed: int | None = None) -> None:
        self._target = port
        self._marker = marker
        self._dice = random.Random(seed)
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.Task[None]] = set()
        self._flowing = asyncio.Event()
        self._flowing.set()
        self.port = 0
        self.cut = 0
        self.share = 0.0
        self.delay_s = 0.0
        self.lost = 0
        self.snare: Snare | None = None

    async def start(self) -> int:
        """Listen, and return the port."""
        await self.accept()
        return self.port

    async def stop(self) -> None:
        """Listen no more, and end what is open."""
        await self.refuse()

    async def accept(self) -> None:
        """Listen, on the same port as before."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def refuse(self) -> None:
        """End what is open and listen no more."""
        if self._server is not None:
            self._server.close()
            self._server = None
        for task in self._open:
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)

    def freeze(self) -> None:
        """Pass nothing on; connections stay open, and new ones are taken."""
        self._flowing.clear()

    def thaw(self) -> None:
        """Pass on what waited, and everything from now on."""
        self._flowing.set()

    def clear(self) -> None:
        """Set every dial back; who refuses goes on to refuse."""
        self.cut, self.share, self.delay_s = 0, 0.0, 0.0
        self.thaw()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._open.add(task)
        task.add_done_callback(self._open.discard)
        try:
            upstream, downstream = await asyncio.open_connection("127.0.0.1", self._target)
        except OSError:
            writer.transport.abort()
            return
        back = asyncio.create_task(self._pump(upstream, writer))
        try:
            await self._forth(reader, downstream, upstream, back)
        except asyncio.CancelledError:  # by `refuse`, which waits for us; asyncio would log it as a mishap
            pass
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
        back: "asyncio.Task[None]",
    ) -> None:
        with suppress(ConnectionError):
            while data := await reader.read(_CHUNK):
                losing = self._marker in data and self._loses()
                if losing:
                    self.lost += 1
                    back.cancel()
                    await asyncio.gather(back, return_exceptions=True)
                await self._hold()
                downstream.write(data)
                await downstream.drain()
                if losing:
                    await upstream.read(1)  # the server has answered: it has done what it was asked
                    return

    def _loses(self) -> bool:
        if self.cut > 0:
            self.cut -= 1
            return True
        return self._dice.random() < self.share

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while data := await reader.read(_CHUNK):
                if self.snare is not None:
                    await self.snare.hold(data)
                await self._hold()
                writer.write(data)
                await writer.drain()
        writer.close()

    async def _hold(self) -> None:
        await self._flowing.wait()
        if self.delay_s:
            await asyncio.sleep(self.delay_s)
