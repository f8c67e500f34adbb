"""The guard at the moment of connecting."""

import socket
from collections.abc import AsyncIterator

import pytest
from aiohttp.abc import AbstractResolver, ResolveResult

from broker.domain.wire import Request
from broker.errors import MediaForbidden, Unavailable
from broker.net.guard import Guard
from broker.net.plain import AiohttpClient
from tests.integration.net.raw_server import Line, Server, ok, serving


class Directory(AbstractResolver):
    """Resolves every name to what it is told."""

    def __init__(self, *addresses: str) -> None:
        self._addresses = addresses

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        return [
            ResolveResult(
                hostname=host,
                host=address,
                port=port,
                family=socket.AF_INET6 if ":" in address else socket.AF_INET,
                proto=socket.IPPROTO_TCP,
                flags=socket.AI_NUMERICHOST,
            )
            for address in self._addresses
        ]

    async def close(self) -> None:
        """Have nothing to close."""


@pytest.fixture
async def canary() -> AsyncIterator[Server]:
    """A server inside that must not be reached."""

    async def script(line: Line) -> None:
        while True:
            await line.hear()
            await line.say(ok(b"inside"))

    async with serving(script) as server:
        yield server


def port_of(server: Server) -> int:
    return int(server.url.rpartition(":")[2])


async def fetch(client: AiohttpClient, url: str) -> bytes:
    try:
        return (await client.send(Request(method="GET", url=url), timeout_s=5)).body
    finally:
        await client.close()


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "127.1", "2130706433", "0x7f000001", "0177.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]",
     "[::ffff:7f00:1]", "[64:ff9b::7f00:1]", "[2002:7f00:1::]", "①②⑦.⓪.⓪.①", "127。0。0。1", "0", "0.0.0.0", "[::]",
     "a@127.0.0.1"],
)  # fmt: skip
async def test_no_spelling_of_this_machine_gets_through(canary: Server, host: str) -> None:
    guard = Guard(ports=frozenset({80, 443, port_of(canary)}))
    with pytest.raises(MediaForbidden):
        await fetch(AiohttpClient(guard=guard), f"http://{host}:{port_of(canary)}/")
    assert canary.connections == 0


@pytest.mark.parametrize(
    "addresses",
    [["127.0.0.1"], ["93.184.215.14", "127.0.0.1"], ["::1"], ["::ffff:127.0.0.1"], ["169.254.169.254"]],
)
async def test_a_name_with_any_inside_address_is_refused(canary: Server, addresses: list[str]) -> None:
    guard = Guard(ports=frozenset({port_of(canary)}))
    client = AiohttpClient(guard=guard, resolver=Directory(*addresses))
    with pytest.raises(MediaForbidden):
        await fetch(client, f"http://files.example.com:{port_of(canary)}/")
    assert canary.connections == 0


async def test_the_guard_holds_without_its_resolver(canary: Server) -> None:
    class Careless(Guard):
        """Takes any name and address, so that only the socket is left to refuse."""

        def check_url(self, url: str) -> None:
            """Say nothing."""

    with pytest.raises(MediaForbidden):
        await fetch(AiohttpClient(guard=Careless()), canary.url)
    assert canary.connections == 0


async def test_an_allowed_address_is_reached(canary: Server) -> None:
    guard = Guard([canary.url.removeprefix("http://")])
    assert await fetch(AiohttpClient(guard=guard), canary.url) == b"inside"


async def test_an_allowed_name_is_reached_wherever_it_lies(canary: Server) -> None:
    pair = f"files.internal:{port_of(canary)}"
    client = AiohttpClient(guard=Guard([pair]), resolver=Directory("127.0.0.1"))
    assert await fetch(client, f"http://{pair}/") == b"inside"


async def test_another_name_for_an_allowed_address_is_not(canary: Server) -> None:
    guard = Guard([canary.url.removeprefix("http://")], ports=frozenset({port_of(canary)}))
    client = AiohttpClient(guard=guard, resolver=Directory("127.0.0.1"))
    with pytest.raises(MediaForbidden):
        await fetch(client, f"http://files.example.com:{port_of(canary)}/")
    assert canary.connections == 0


async def test_a_guarded_name_that_does_not_exist_is_unavailable() -> None:
    with pytest.raises(Unavailable):
        await fetch(AiohttpClient(guard=Guard()), "http://nobody.invalid/")
