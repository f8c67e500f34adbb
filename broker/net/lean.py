"""The client of the submit path: as little work per request as HTTP/1.1 allows."""

import asyncio
import ssl

from broker.domain.wire import Request, Response
from broker.errors import Unavailable
from broker.net.client import IDLE_S, Client
from broker.net.connection import Connection
from broker.net.encode import aim, head
from broker.net.names import Names
from broker.net.target import Origin, Target

_FRESH_S = 1.0  # a connection used within this time is taken without asking the loop for news of it


class LeanClient(Client):
    """Write each request in one piece on a kept connection, and parse its answer with httptools."""

    def __init__(
        self, *, tls: ssl.SSLContext | None = None, names: Names | None = None, idle_s: float = IDLE_S
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._tls = tls
        self._names = names or Names()
        self._idle_s = idle_s
        self._idle: dict[Origin, list[Connection]] = {}
        self._alive: set[Connection] = set()
        self._closed = False

    async def send(self, request: Request, *, timeout_s: float) -> Response:
        """Send one request; see `Client.send`."""
        target = aim(request)
        data = head(request, target) + request.body
        now = self._loop.time()
        deadline = now + timeout_s
        idle = self._idle.get(target.origin)
        if idle and idle[-1].is_open and idle[-1].deadline - now > self._idle_s - _FRESH_S:
            connection = idle.pop()
        else:
            connection = await self._acquire(target, deadline)
        waiter = connection.exchange(data, deadline=deadline, only_head=request.method == "HEAD")
        try:
            return await waiter
        except asyncio.CancelledError:
            connection.abandon(waiter)
            raise

    async def _acquire(self, target: Target, deadline: float) -> Connection:
        """Return a connection that has rested, if one is still good, or else a new one."""
        idle = self._idle.setdefault(target.origin, [])
        while idle:
            connection = idle.pop()
            if connection.deadline < self._loop.time():
                connection.drop()
                continue
            # One turn of the loop: a close that has arrived but was not read yet is heard before we write.
            await asyncio.sleep(0)
            if connection.is_open:
                return connection
        return await self._connect(target, idle, deadline)

    async def _connect(self, target: Target, idle: list[Connection], deadline: float) -> Connection:
        if self._closed:
            raise Unavailable("the client is closed")
        try:
            async with asyncio.timeout_at(deadline):
                addresses = await self._names.addresses(target.host)
                connection = await self._first(addresses, target, idle, deadline)
        except TimeoutError as error:
            raise Unavailable("no connection in time") from error
        except OSError as error:
            raise Unavailable(f"no connection: {error}") from error
        if not connection.is_open:
            raise Unavailable("the connection ended as soon as it was made")
        return connection

    async def _first(
        self, addresses: list[str], target: Target, idle: list[Connection], deadline: float
    ) -> Connection:
        """Connect to the first address that answers; each gets its share of the time that is left."""
        *others, last = addresses
        for number, address in enumerate(others):
            now = self._loop.time()
            try:
                async with asyncio.timeout_at(now + (deadline - now) / (len(addresses) - number)):
                    return await self._open(address, target, idle)
            except OSError:  # the next address may do better; a time-out is one of these too
                continue
        return await self._open(last, target, idle)

    async def _open(self, address: str, target: Target, idle: list[Connection]) -> Connection:
        secure, host, port = target.origin
        if secure and self._tls is None:
            self._tls = ssl.create_default_context()
        _, connection = await self._loop.create_connection(
            lambda: Connection(self._loop, idle=idle, idle_s=self._idle_s),
            address,
            port,
            ssl=self._tls if secure else None,
            server_hostname=host if secure else None,
        )
        # Only now: uvloop drops a connection without a word when the request is cancelled while it is made.
        self._alive.add(connection)
        connection.gone.add_done_callback(lambda _: self._alive.discard(connection))
        if self._closed:
            connection.drop()
        return connection

    async def close(self) -> None:
        """Close every connection; see `Client.close`."""
        self._closed = True
        ending = list(self._alive)
        for connection in ending:
            connection.drop()
        for connection in ending:
            await connection.gone
        await self._names.close()
