"""The spool of real ingress processes while Redis is away: acknowledged in time, kept, replayed by whoever is left."""

import asyncio
import contextlib
import os
import resource
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
import redis
from aiohttp import ClientError, ClientSession, ClientTimeout

from broker.dispatch import Queue
from broker.keyspace import keys
from broker.keyspace.content import decode_webhook
from broker.settings import Settings
from tests.conftest import SECRET_KEY
from tests.integration.ingress.conftest import DOCUMENT, WEBHOOK
from tests.prepared import prepare
from tests.redis_server import RedisServer, die_with_parent, free_port

IN_TIME_S = 2.0
WITHIN_S = 60.0

Start = Callable[..., Any]


class Process:
    """One ingress process."""

    def __init__(self, settings: Settings, limit: int | None) -> None:
        self.url = f"http://127.0.0.1:{free_port()}"

        def limited() -> None:
            die_with_parent()
            if limit is not None:
                resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

        self.process = subprocess.Popen(
            [sys.executable, "-m", "broker"],
            env=os.environ
            | {
                "BROKER_DATA_DIR": str(settings.data_dir),
                "BROKER_REDIS_URL": settings.redis_url,
                "BROKER_SECRET_KEY": SECRET_KEY,
                "BROKER_PORT": self.url.rpartition(":")[2],
            },
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            preexec_fn=limited,  # noqa: PLW1509  the child only asks the kernel for limits
        )

    async def post(self, client: ClientSession, body: bytes) -> tuple[int, str | None]:
        """Post a webhook; return the status and when to come again, which must be said in time."""
        headers = {"Content-Type": "application/json", **WEBHOOK}
        async with asyncio.timeout(IN_TIME_S):
            async with client.post(f"{self.url}/webhooks/bandwidth-1", data=body, headers=headers) as answer:
                await answer.read()
                return answer.status, answer.headers.get("retry-after")

    async def is_up(self, client: ClientSession) -> bool:
        """Say whether it answers."""
        with contextlib.suppress(ClientError):
            async with client.get(f"{self.url}/livez") as answer:
                return answer.status == 200
        return False


@pytest.fixture
async def client() -> AsyncIterator[ClientSession]:
    async with ClientSession(timeout=ClientTimeout(total=20)) as one:
        yield one


@pytest.fixture
async def start(
    own_redis: Callable[..., RedisServer],
    make_settings: Callable[..., Settings],
    client: ClientSession,
) -> AsyncIterator[Start]:
    """Start ingress processes over one folder and one Redis: `server, settings, first, … = await start(2)`."""
    running: list[Process] = []

    async def begin(count: int, *, limit: int | None = None) -> list[Any]:
        server = own_redis()
        settings = make_settings(redis_url=server.url)
        prepare(settings, DOCUMENT)
        running.extend(Process(settings, limit) for _ in range(count))
        async with asyncio.timeout(WITHIN_S):
            for one in running:
                while not await one.is_up(client):
                    await asyncio.sleep(0.05)
            # Each must have learnt of the connection.
            for one in running:
                while (await one.post(client, b"[]"))[0] != 200:
                    await asyncio.sleep(0.05)
        return [server, settings, *running]

    yield begin
    for one in running:
        one.process.kill()
        one.process.wait()


def arrived(server: RedisServer) -> list[bytes]:
    """Return the bodies that wait, in the order they came."""
    with redis.Redis(port=server.port) as client:
        digests: Any = client.zrange(keys.fresh(Queue.EVENTS), 0, -1)
        found: Any = client.mget([b"hook:" + digest for digest in digests]) if digests else []
    return [decode_webhook(body).body for body in found]


async def until_arrived(server: RedisServer, settings: Settings, count: int) -> list[bytes]:
    async with asyncio.timeout(WITHIN_S):
        while len(arrived(server)) < count or list(settings.spool.iterdir()):
            await asyncio.sleep(0.1)
    return arrived(server)


async def test_two_processes_keep_what_comes_and_the_one_that_is_left_replays_it_all(
    start: Start, client: ClientSession
) -> None:
    server, settings, first, second = await start(2)
    server.kill()
    for n in range(20):
        assert (await (first, second)[n % 2].post(client, b"[%d]" % n))[0] == 200
    assert len(list(settings.spool.iterdir())) >= 2, "each has files of its own"
    first.process.kill()
    first.process.wait()
    server.start()
    bodies = await until_arrived(server, settings, 21)
    assert sorted(bodies) == sorted([b"[]", *(b"[%d]" % n for n in range(20))])
    for parity in (0, 1):
        of_one = [b"[%d]" % n for n in range(parity, 20, 2)]
        assert [body for body in bodies if body in of_one] == of_one, "in the order they came"


async def test_a_disk_that_is_full_gives_503_in_time_and_what_was_acknowledged_is_replayed(
    start: Start, client: ClientSession
) -> None:
    server, settings, ingress = await start(1, limit=65_536)
    server.kill()
    kept: list[bytes] = []
    refused: list[str | None] = []
    for n in range(90):
        body = b"[%d]" % n + b" " * 5000
        status, again = await ingress.post(client, body)
        assert status in {200, 503}
        if status == 200:
            kept.append(body)
        else:
            refused.append(again)
    assert kept
    assert refused
    assert all(refused), "the carrier is told when to come again"
    assert await ingress.is_up(client)
    server.start()
    assert (await until_arrived(server, settings, len(kept) + 1))[1:] == kept
    assert (await ingress.post(client, b"[91]"))[0] == 200
