"""A running simulator, somebody who calls it, and a door for its webhooks."""

import asyncio
import base64
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import orjson
import pytest

from broker.domain.value import replace
from broker.domain.wire import Call, Request, Response
from broker.net.opening import open_client
from broker.simulator.exchange import Reply
from broker.simulator.options import Options
from broker.simulator.server import Server
from broker.simulator.simulator import TOKEN_PATH, Simulator

ACCOUNT = "9900000"
BASIC = "Basic " + base64.b64encode(b"client:secret").decode()
MESSAGE = {
    "applicationId": "5f1c2b7e-0a4d-4c38-9d1e-7b6a3c2f1e00",
    "to": ["+12025550101"],
    "from": "+12025550150",
    "text": "Menu for this week",
    "tag": "0193d7c2-7b1e-7c3a-9b57-2f6f1c1f0a11.1",
}


@dataclass(kw_only=True)
class Door:
    """Takes webhooks; `plan` are the statuses of the next answers with credentials, then 200."""

    plan: list[int] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)
    events: list[dict[str, Any]] = field(default_factory=list)
    arrived: asyncio.Event = field(default_factory=asyncio.Event)
    challenge: bool = True
    url: str = ""

    def handle(self, call: Call) -> Reply:
        """Answer one webhook in the two-step way."""
        self.calls.append(call)
        if self.challenge and "authorization" not in call.headers:
            return Reply(status=401, headers={"WWW-Authenticate": 'Basic realm="webhooks"'})
        status = self.plan.pop(0) if self.plan else 200
        if status == 200:
            self.events += orjson.loads(call.body)
            self.arrived.set()
        return Reply(status=status)

    async def until(self, count: int) -> list[dict[str, Any]]:
        """Return the events once there are so many."""
        while len(self.events) < count:
            self.arrived.clear()
            await self.arrived.wait()
        return self.events


class Caller:
    """Talks to a simulator as the broker does."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.media = f"{url}/api/v2/users/{ACCOUNT}/media"
        self._client = open_client("lean")
        self._token = ""

    async def ask(
        self, method: str, path: str, body: bytes = b"", *, timeout_s: float = 10, **headers: str
    ) -> Response:
        """Send one request to a path, or to a whole address."""
        url = path if path.startswith("http") else self.url + path
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return await self._client.send(
            Request(method=method, url=url, headers=named, body=body), timeout_s=timeout_s
        )

    async def token(self, authorization: str = BASIC) -> Response:
        """Ask for a token, and use it from now on."""
        answer = await self.ask(
            "POST",
            TOKEN_PATH,
            b"grant_type=client_credentials",
            authorization=authorization,
            content_type="application/x-www-form-urlencoded",
        )
        if answer.status == 200:
            self._token = "Bearer " + orjson.loads(answer.body)["access_token"]
        return answer

    async def create(self, body: Any = MESSAGE, **headers: str) -> Response:
        """Send one create request, with a token unless told otherwise."""
        if not self._token:
            await self.token()
        given = {"authorization": self._token, "content_type": "application/json; charset=utf-8"} | headers
        raw = body if isinstance(body, bytes) else orjson.dumps(body)
        return await self.ask("POST", f"/api/v2/users/{ACCOUNT}/messages", raw, **given)

    async def signed(self, method: str, url: str, body: bytes = b"", **headers: str) -> Response:
        """Send one request with a token."""
        if not self._token:
            await self.token()
        return await self.ask(method, url, body, authorization=self._token, **headers)

    async def dial(self, **faults: Any) -> Response:
        """Set the fault dials."""
        return await self.ask("PUT", "/sim/faults", orjson.dumps(faults))

    async def stats(self) -> dict[str, Any]:
        """Return the counters."""
        return dict(orjson.loads((await self.ask("GET", "/sim/stats")).body))

    async def journal(self, query: str = "") -> list[dict[str, Any]]:
        """Return a page of the journal."""
        return list(orjson.loads((await self.ask("GET", f"/sim/journal{query}")).body)["entries"])

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()


Start = Callable[..., Awaitable[Caller]]


@pytest.fixture
async def door() -> AsyncIterator[Door]:
    """An open door for webhooks."""
    door = Door()
    server = Server(door.handle)
    door.url = f"http://127.0.0.1:{await server.start('127.0.0.1', 0)}/webhooks/bandwidth-1"
    yield door
    await server.stop()


@pytest.fixture
async def start(door: Door) -> AsyncIterator[Start]:
    """Start simulators, with changes to the options by name; they end with the test."""
    running: list[tuple[Simulator, Caller]] = []

    async def begin(**changes: Any) -> Caller:
        plain = Options(
            webhook_urls=(door.url,), webhook_user="hook", webhook_password="word", event_delay_ms=10
        )
        simulator = Simulator(replace(plain, **changes))
        running.append((simulator, Caller(await simulator.start())))
        return running[-1][1]

    yield begin
    for simulator, caller in running:
        await caller.close()
        await simulator.stop()


@pytest.fixture
async def caller(start: Start) -> Caller:
    """Somebody who calls a simulator with the usual options."""
    return await start()
