"""Webhooks through a real socket, with Redis there and away."""

import asyncio
import io
import sqlite3
from collections.abc import Callable
from typing import Any

import pytest
import redis

from broker.cli.chaos.proxy import Proxy
from broker.dispatch import Queue
from broker.keyspace import keys
from broker.keyspace.content import decode_webhook
from broker.settings import Settings
from tests.integration.ingress.conftest import WEBHOOK, Ingress, Running
from tests.redis_server import RedisServer

EVENT = b'[{"type": "message-delivered", "message": {"id": "1"}}]'
WAITING = keys.fresh(Queue.EVENTS)
Own = Callable[..., RedisServer]
Make = Callable[..., Settings]


async def post(ingress: Ingress, body: Any = EVENT, *, to: str = "bandwidth-1", **changes: Any) -> int:
    headers = {"Content-Type": "application/json; charset=utf-8", **WEBHOOK, **changes}
    async with ingress.client.post(f"{ingress.url}/webhooks/{to}", data=body, headers=headers) as answer:
        assert len(await answer.read()) < 16_000
        return answer.status


@pytest.fixture
def client(settings: Settings) -> Any:
    with redis.Redis.from_url(settings.redis_url) as one:
        yield one


def bodies(client: Any) -> list[bytes]:
    digests = client.zrange(WAITING, 0, -1)
    return [decode_webhook(client.get(b"hook:" + digest)).body for digest in digests]


async def test_a_webhook_is_ours_before_it_is_acknowledged(ingress: Ingress, client: Any) -> None:
    assert await post(ingress) == 200
    (digest,) = client.zrange(WAITING, 0, -1)
    kept = decode_webhook(client.get(b"hook:" + digest))
    assert (kept.connection, kept.body) == ("bandwidth-1", EVENT)
    assert client.zscore("arrived", digest) is not None
    assert client.llen("events") == 1


async def test_a_repeated_webhook_waits_once(ingress: Ingress, client: Any) -> None:
    await asyncio.gather(*(post(ingress) for _ in range(5)))
    assert client.zcard(WAITING) == 1
    await post(ingress, b"[]")
    assert client.zcard(WAITING) == 2


async def test_the_carrier_is_asked_for_credentials_before_the_body_is_read(ingress: Ingress) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", int(ingress.url.rpartition(":")[2]))
    writer.write(b"POST /webhooks/bandwidth-1 HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n")
    head = await reader.readuntil(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 401 ")
    assert b"www-authenticate: basic" in head.lower()
    writer.close()


@pytest.mark.parametrize("wrong", ["Basic d3Jvbmc6d3Jvbmc=", "Basic !!!", "Bearer x", ""])
async def test_wrong_credentials_are_refused(ingress: Ingress, client: Any, wrong: str) -> None:
    assert await post(ingress, Authorization=wrong) == 401
    assert client.keys("hook:*") == []


async def test_an_unknown_connection_is_not_found(ingress: Ingress) -> None:
    assert await post(ingress, to="nobody") == 404
    assert await post(ingress, to="%00") == 404


async def test_a_webhook_over_the_limit_is_refused(ingress: Ingress, settings: Settings, client: Any) -> None:
    assert await post(ingress, io.BytesIO(b" " * (settings.webhook_body_limit + 1))) == 413
    assert client.keys("hook:*") == []


@pytest.mark.parametrize("body", [b"", b"\x00\xff", b"{", b"[]", b"[" * 10_000])
async def test_nothing_is_parsed_at_the_door(ingress: Ingress, client: Any, body: bytes) -> None:
    assert await post(ingress, body) == 200
    assert bodies(client) == [body]


async def test_while_redis_is_away_webhooks_are_spooled_and_replayed_in_order(
    own_redis: Own, make_settings: Make, running: Running
) -> None:
    server = own_redis()
    settings = make_settings(redis_url=server.url)
    async with running(settings) as ingress:
        server.kill()
        for n in range(5):
            async with asyncio.timeout(2):
                assert await post(ingress, b"[%d]" % n) == 200
        assert list(settings.spool.iterdir())
        server.start()
        with redis.Redis.from_url(server.url) as client:
            while client.zcard(WAITING) < 5 or list(settings.spool.iterdir()):
                await asyncio.sleep(0.05)
            assert bodies(client) == [b"[%d]" % n for n in range(5)]


async def test_while_redis_is_frozen_webhooks_are_acknowledged_in_time(
    own_redis: Own, make_settings: Make, running: Running
) -> None:
    server = own_redis()
    async with running(make_settings(redis_url=server.url)) as ingress:
        assert await post(ingress) == 200
        server.freeze()
        for n in range(3):
            async with asyncio.timeout(2):
                assert await post(ingress, b"[%d]" % n) == 200
        server.thaw()


async def test_while_sql_is_away_webhooks_are_acknowledged_and_with_redis_away_too_they_are_spooled(
    own_redis: Own, make_settings: Make, running: Running
) -> None:
    server = own_redis()
    settings = make_settings(redis_url=server.url)
    async with running(settings) as ingress:
        assert await post(ingress, b"[0]") == 200
        with sqlite3.connect(settings.data_dir / "broker.db") as record:
            for table in ("accounts", "connections", "routes", "webhooks"):
                record.execute(f"ALTER TABLE {table} RENAME TO {table}_elsewhere")
        while "\nbroker_sql_up 0" not in await (await ingress.get("/metrics")).text():
            await asyncio.sleep(0.05)
        async with asyncio.timeout(2):
            assert await post(ingress, b"[1]") == 200
        with redis.Redis.from_url(server.url) as client:
            assert bodies(client) == [b"[0]", b"[1]"]
        server.kill()
        async with asyncio.timeout(2):
            assert await post(ingress, b"[2]") == 200
        assert list(settings.spool.iterdir())
        server.start()


async def test_when_the_disk_refuses_too_the_carrier_is_told_to_repeat(
    own_redis: Own, make_settings: Make, running: Running
) -> None:
    server = own_redis()
    settings = make_settings(redis_url=server.url)
    settings.spool.write_text("a file where the folder should be")
    async with running(settings) as ingress:
        server.kill()
        assert await post(ingress) == 503
        server.start()


async def test_a_lost_answer_does_not_double_a_webhook(
    own_redis: Own, make_settings: Make, running: Running
) -> None:
    server = own_redis()
    proxy = Proxy(server.port)
    async with running(make_settings(redis_url=f"redis://127.0.0.1:{await proxy.start()}")) as ingress:
        proxy.cut = 1
        assert await post(ingress) == 200
        with server.client() as client:
            assert (proxy.lost, client.zcard(WAITING)) == (1, 1)
    await proxy.stop()
