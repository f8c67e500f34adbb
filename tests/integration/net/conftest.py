"""The clients under test."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Iterator, Mapping

import pytest
import uvloop

from broker.net.client import Client
from broker.net.lean import LeanClient
from broker.net.plain import AiohttpClient
from tests.integration.net.certificates import Certified, certify


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Run every test on both loops: production runs on uvloop, the command line does not."""
    return {"uvloop": uvloop.new_event_loop, "asyncio": asyncio.new_event_loop}


@pytest.fixture(scope="session")
def certified(tmp_path_factory: pytest.TempPathFactory) -> Certified:
    """Certificates that the clients trust."""
    return certify(tmp_path_factory.mktemp("tls"))


@pytest.fixture(params=[LeanClient, AiohttpClient], ids=["lean", "aiohttp"])
async def client(request: pytest.FixtureRequest, certified: Certified) -> AsyncIterator[Client]:
    """Return each client in turn."""
    made: Client = request.param(tls=certified.client)
    yield made
    await made.close()


@pytest.fixture
def free_port() -> Iterator[int]:
    """Return a port nobody listens on; it is held, but not listened on, while the test runs."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]
