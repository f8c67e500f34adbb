"""The client for everything but the submit path, on aiohttp."""

import io
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from types import SimpleNamespace

import aiohttp
from aiohttp.abc import AbstractResolver
from yarl import URL

from broker.domain.wire import Request, Response
from broker.errors import OutcomeUnknown, Unavailable
from broker.net.client import ANSWER_LIMIT, IDLE_S, Client
from broker.net.encode import USER_AGENT, aim, head
from broker.net.guard import Guard
from broker.net.resolver import GuardedResolver
from broker.net.target import Target

_WARNED_ABOUT = 1024 * 1024  # aiohttp wants larger bodies as files, so that it can write them in pieces
_FAULTS = (aiohttp.ClientError, TimeoutError, OSError)


class Incoming:
    """An answer whose body is still on its way."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self._response = response
        self.status = response.status
        self.headers = {
            name.lower(): ", ".join(response.headers.getall(name)) for name in dict.fromkeys(response.headers)
        }

    async def chunks(self) -> AsyncIterator[bytes]:
        """Yield the body as it comes.

        Raises:
            OutcomeUnknown: it does not come in full, or not in time.
        """
        body = self._response.content.iter_any()
        while True:
            try:
                chunk = await anext(body, b"")
            except _FAULTS as error:
                raise OutcomeUnknown(f"the answer broke off: {_what(error)}") from error
            if not chunk:
                return
            yield chunk


class AiohttpClient(Client):
    """Send requests through aiohttp; with a `guard`, only to where customers' URLs may lead.

    aiohttp writes a GET, PUT or DELETE once more by itself when a kept connection turns out to be closed; a POST never.
    """

    def __init__(
        self,
        *,
        guard: Guard | None = None,
        tls: ssl.SSLContext | None = None,
        resolver: AbstractResolver | None = None,
    ) -> None:
        self._guard = guard
        self._names = resolver or aiohttp.ThreadedResolver()
        secure = tls or True
        self._open = _session(
            aiohttp.TCPConnector(resolver=self._names, ssl=secure, limit=0, keepalive_timeout=IDLE_S)
        )
        self._guarded = self._open
        if guard is not None:
            # Host and port pairs that the operator allowed go through the open session: the guarded one sees
            # addresses only, and could not tell an allowed name from a foreign one that resolves to the same.
            connector = aiohttp.TCPConnector(
                resolver=GuardedResolver(guard, self._names),
                socket_factory=guard.socket_factory,
                happy_eyeballs_delay=None,  # one address after the other, so that a refusal is not outrun
                ssl=secure,
                limit=0,
                keepalive_timeout=IDLE_S,
            )
            self._guarded = _session(connector)

    async def send(self, request: Request, *, timeout_s: float) -> Response:
        """Send one request; see `Client.send`."""
        async with self.stream(request, timeout_s=timeout_s) as answer:
            parts: list[bytes] = []
            size = 0
            async for chunk in answer.chunks():
                parts.append(chunk)
                size += len(chunk)
                if size > ANSWER_LIMIT:
                    raise OutcomeUnknown("the answer is too large")
            return Response(status=answer.status, headers=answer.headers, body=b"".join(parts))

    @asynccontextmanager
    async def stream(
        self, request: Request, *, timeout_s: float, connect_s: float | None = None
    ) -> AsyncIterator[Incoming]:
        """Send one request and hand out its answer before the body is read; `timeout_s` covers the body too.

        Of that, `connect_s` may pass until there is a connection.

        Raises:
            Unavailable, OutcomeUnknown, Rejected, MediaForbidden: as `Client.send`.
        """
        target = self._admit(request)
        exempt = self._guard is None or self._guard.is_exempt(target)
        session = self._open if exempt else self._guarded
        progress = SimpleNamespace(connected=False)
        with _sorted(progress):
            response = await session.request(
                request.method,
                URL(target.url, encoded=True),
                headers=request.headers,
                data=io.BytesIO(request.body) if len(request.body) > _WARNED_ABOUT else request.body or None,
                allow_redirects=False,
                timeout=aiohttp.ClientTimeout(total=timeout_s, sock_connect=connect_s),
                trace_request_ctx=progress,
            )
        try:
            yield Incoming(response)
        finally:
            response.release()

    def _admit(self, request: Request) -> Target:
        """Return where a request goes, if it may go at all."""
        if self._guard is not None:
            self._guard.check_url(request.url)
        target = aim(request)
        head(request, target)  # refuses what cannot be put into HTTP, as the lean client does
        if self._open.closed:
            raise Unavailable("the client is closed")
        return target

    async def close(self) -> None:
        """Close every connection; see `Client.close`."""
        await self._open.close()
        await self._guarded.close()
        await self._names.close()


def _session(connector: aiohttp.TCPConnector) -> aiohttp.ClientSession:
    trace = aiohttp.TraceConfig()
    trace.on_connection_create_end.append(_note_connected)
    trace.on_connection_reuseconn.append(_note_connected)
    return aiohttp.ClientSession(
        connector=connector,
        cookie_jar=aiohttp.DummyCookieJar(),
        headers={"User-Agent": USER_AGENT, "Accept-Encoding": "identity"},
        skip_auto_headers=("Accept", "Content-Type"),
        auto_decompress=False,
        trust_env=False,
        trace_configs=[trace],
    )


async def _note_connected(_session: aiohttp.ClientSession, context: SimpleNamespace, _params: object) -> None:
    context.trace_request_ctx.connected = True


@contextmanager
def _sorted(progress: SimpleNamespace) -> Iterator[None]:
    """Turn what goes wrong into Unavailable while there is no connection, and OutcomeUnknown from then on."""
    try:
        yield
    except _FAULTS as error:
        if progress.connected:
            raise OutcomeUnknown(f"no answer: {_what(error)}") from error
        raise Unavailable(f"no connection: {_what(error)}") from error


def _what(error: Exception) -> str:
    return "not in time" if isinstance(error, TimeoutError) else str(error) or type(error).__name__
