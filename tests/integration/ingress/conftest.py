"""A running ingress on a real socket, over a real Valkey and SQLite."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from aiohttp import ClientResponse, ClientSession, ClientTimeout, encode_basic_auth

from broker.ingress.serving import serving
from broker.settings import Settings
from tests.integration.ingress.promised import held_to_the_document
from tests.prepared import prepare

KEY = "an-api-key-of-acme"
OTHER_KEY = "an-api-key-of-globex"
PASSWORD = "correct horse"
WEBHOOK_USER, WEBHOOK_PASSWORD = "carrier", "carrier's secret"
WEBHOOK = {"Authorization": encode_basic_auth(WEBHOOK_USER, WEBHOOK_PASSWORD)}
DOCUMENT = {
    "accounts": [
        {
            "name": "acme",
            "password": PASSWORD,
            "api_keys": [KEY],
            "senders": ["+12025550150", "+12025550151"],
            "inbound_numbers": ["+12025550150"],
        },
        {
            "name": "globex",
            "api_keys": [OTHER_KEY],
            "senders": ["+12025550160"],
            "mms": False,
            "fixed_sender": True,
        },
    ],
    "connections": [
        {
            "name": "bandwidth-1",
            "provider": "bandwidth",
            "base_url": "http://127.0.0.1:9/api/v2",
            "auth": "basic",
            "username": "u",
            "password": "p",
            "account_id": "9900000",
            "application_id": "app",
            "webhook_username": WEBHOOK_USER,
            "webhook_password": WEBHOOK_PASSWORD,
            "media_hosts": ["127.0.0.1:9"],
            "senders": ["+12025550150"],
        }
    ],
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Ingress:
    """A running ingress and a client for it."""

    url: str
    client: ClientSession

    async def send(self, body: Any = None, *, key: str = KEY, **headers: str) -> ClientResponse:
        """Post a native send; `body` is JSON or what is given is merged into a plain SMS."""
        plain = {"to": "+12025550101", "text": "Hello"}
        wanted = {"Authorization": f"Bearer {key}", **{n.replace("_", "-"): v for n, v in headers.items()}}
        return await self.client.post(
            f"{self.url}/v1/messages", json={**plain, **(body or {})}, headers=wanted
        )

    async def get(self, path: str, *, key: str = KEY) -> ClientResponse:
        """Get a path as the account."""
        return await self.client.get(self.url + path, headers={"Authorization": f"Bearer {key}"})


Running = Callable[..., AbstractAsyncContextManager[Ingress]]


@pytest.fixture
def running(settings: Settings) -> Running:
    """Run an ingress for a while: `async with running() as ingress`; `running(settings, document)` for another."""

    @asynccontextmanager
    async def run(
        chosen: Settings = settings, document: dict[str, Any] = DOCUMENT, **limits: float
    ) -> AsyncIterator[Ingress]:
        prepare(chosen, document)
        async with (
            serving(chosen, **limits) as port,
            ClientSession(timeout=ClientTimeout(total=20), middlewares=(held_to_the_document,)) as client,
        ):
            yield Ingress(url=f"http://127.0.0.1:{port}", client=client)

    return run


@pytest.fixture
async def ingress(running: Running) -> AsyncIterator[Ingress]:
    """An ingress with the usual settings."""
    async with running() as one:
        yield one
