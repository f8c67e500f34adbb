"""Alarms about the door, driven to fire and to clear over real sockets, and ended as their pages say."""

import asyncio
import shutil
import ssl
from collections.abc import Awaitable, Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientConnectorCertificateError, encode_basic_auth

from broker.domain.ids import new_id
from broker.settings import Settings
from broker.storage import provision
from broker.storage.database import Database
from tests.alarms import Page, fires, parse
from tests.integration.ingress.conftest import DOCUMENT, WEBHOOK, Ingress, Running
from tests.integration.net.certificates import certificate
from tests.integration.workers.test_events import delivered
from tests.redis_server import RedisServer, free_port

PATH = "/webhooks/bandwidth-1"
NEW = {"Authorization": encode_basic_auth("carrier", "another secret")}


async def eventually(question: Callable[[], Awaitable[bool]]) -> None:
    """Ask until it is so."""
    async with asyncio.timeout(60):
        while not await question():
            await asyncio.sleep(0.1)


async def page(ingress: Ingress) -> Page:
    """Scrape the ingress."""
    async with ingress.client.get(f"{ingress.url}/metrics") as answer:
        return parse(await answer.text(), "ingress")


async def post(ingress: Ingress, headers: dict[str, str] = WEBHOOK) -> int:
    """Post a webhook."""
    async with ingress.client.post(
        ingress.url + PATH, data=delivered(new_id()), headers={**headers, "Content-Type": "application/json"}
    ) as answer:
        return answer.status


def spooled(seen: Page) -> float:
    return sum(value for name, value in seen.items() if name.startswith("broker_spool_bytes"))


async def test_webhooks_refused(running: Running, settings: Settings, tmp_path: Path) -> None:
    async with running() as ingress:
        assert await post(ingress) == 200
        well = await page(ingress)
        assert await post(ingress, NEW) == 401  # somebody changed it at the carrier
        ill = await page(ingress)
        for _ in range(20):
            assert await post(ingress, NEW) == 401
        later = await page(ingress)
        connection: dict[str, Any] = {**DOCUMENT["connections"][0], "webhook_password": "another secret"}  # type: ignore[dict-item]
        provision_again(settings, {"connections": [connection]})

        async def let_in() -> bool:
            return await post(ingress, NEW) == 200

        await eventually(let_in)
        fires("WebhooksRefused", (well, ill, await page(ingress)), tmp_path, later=later)


async def test_webhooks_refused_where_a_carrier_gives_no_credentials_at_all(
    running: Running, tmp_path: Path
) -> None:
    async with running() as ingress:
        assert await post(ingress) == 200
        assert await post(ingress, {}) == 401
        well = await page(ingress)
        for _ in range(20):
            assert await post(ingress, {}) == 401
        later = await page(ingress)
        assert await post(ingress) == 200
        fires("WebhooksRefused", (well, well, await page(ingress)), tmp_path, later=later)


async def test_a_carrier_that_waits_to_be_asked_for_its_credentials_raises_no_alarm(
    running: Running, tmp_path: Path
) -> None:
    async with running() as ingress:
        for _ in range(2):
            assert await post(ingress, {}) == 401
            assert await post(ingress) == 200
        well = await page(ingress)
        for _ in range(20):
            assert await post(ingress, {}) == 401
            assert await post(ingress) == 200
        later = await page(ingress)
        with pytest.raises(AssertionError, match="FAILED"):
            fires("WebhooksRefused", (well, well, later), tmp_path, later=later)


def provision_again(settings: Settings, document: dict[str, Any]) -> None:
    """Do what `prepare --provision` does, to the database of a running ingress."""
    secret_key = settings.secret_key.get_secret_value()
    with closing(Database(settings.database)) as database:
        database.write(lambda sql: provision.apply(sql, document, secret_key=secret_key))


async def test_spool_not_empty(
    running: Running,
    make_settings: Callable[..., Settings],
    own_redis: Callable[..., RedisServer],
    tmp_path: Path,
) -> None:
    server = own_redis()
    async with running(make_settings(redis_url=f"{server.url}/0")) as ingress:
        assert await post(ingress) == 200
        well = await page(ingress)
        server.kill()
        assert await post(ingress) == 200
        ill = await page(ingress)
        assert spooled(ill) > 0
        server.start()

        async def is_empty() -> bool:
            return not spooled(await page(ingress))

        await eventually(is_empty)
        fires("SpoolNotEmpty", (well, ill, await page(ingress)), tmp_path)


async def test_door_fails(
    running: Running,
    make_settings: Callable[..., Settings],
    own_redis: Callable[..., RedisServer],
    tmp_path: Path,
) -> None:
    server = own_redis()
    async with running(make_settings(redis_url=f"{server.url}/0")) as ingress:
        for _ in range(30):
            assert (await ingress.send()).status == 202
        well = await page(ingress)
        server.kill()
        assert (await ingress.send()).status == 503
        ill = await page(ingress)
        for _ in range(5):
            assert (await ingress.send()).status == 503
        later = await page(ingress)
        server.start()

        async def takes() -> bool:
            return (await ingress.send()).status == 202

        await eventually(takes)
        fires("DoorFails", (well, ill, await page(ingress)), tmp_path, later=later)


async def test_door_slow(
    running: Running,
    make_settings: Callable[..., Settings],
    own_redis: Callable[..., RedisServer],
    tmp_path: Path,
) -> None:
    server = own_redis()
    async with running(make_settings(redis_url=f"{server.url}/0", redis_timeout_s=10)) as ingress:

        async def send(count: int) -> None:
            sent = asyncio.gather(*(ingress.send() for _ in range(count)))
            assert {answer.status for answer in await sent} == {202}

        await send(5)
        well = await page(ingress)
        server.freeze()
        waiting = asyncio.create_task(send(1))
        await asyncio.sleep(1.2)
        server.thaw()
        await waiting
        ill = await page(ingress)
        server.freeze()
        waiting = asyncio.create_task(send(20))
        await asyncio.sleep(1.2)
        server.thaw()
        await waiting
        later = await page(ingress)
        await send(5)
        fires("DoorSlow", (well, ill, await page(ingress)), tmp_path, later=later)


async def test_certificate_ends(
    running: Running, make_settings: Callable[..., Settings], tmp_path: Path
) -> None:
    good, near = (tmp_path / name for name in ("good", "near"))
    for folder, days in ((good, 90), (near, 5)):
        folder.mkdir()
        certificate(folder, "127.0.0.1", days=days)
    served = tmp_path / "served.pem"

    async def put_in_place(folder: Path) -> Page:
        served.write_bytes((folder / "127.0.0.1.pem").read_bytes())
        context = ssl.create_default_context(cafile=str(served))

        async def is_served() -> bool:
            try:
                async with ingress.client.get(url, ssl=context, headers={"Connection": "close"}) as answer:
                    return answer.status == 200
            except ClientConnectorCertificateError:
                return False

        await eventually(is_served)
        return await page(ingress)

    shutil.copy(good / "127.0.0.1.pem", served)
    secure = make_settings(tls_cert=served, tls_host="127.0.0.1", tls_port=free_port())
    url = f"https://127.0.0.1:{secure.tls_port}/livez"
    async with running(secure, renew_s=0.02) as ingress:
        pages = [await put_in_place(folder) for folder in (good, near, good)]
        fires("CertificateEnds", (pages[0], pages[1], pages[2]), tmp_path)


@pytest.mark.parametrize("alert", ["DoorFails", "DoorSlow", "WebhooksRefused", "SpoolNotEmpty"])
async def test_nothing_fires_while_all_is_well(running: Running, alert: str, tmp_path: Path) -> None:
    async with running() as ingress:
        assert await post(ingress) == 200
        before = await page(ingress)
        for _ in range(5):
            assert await post(ingress) == 200
            assert (await ingress.send()).status == 202
        later = await page(ingress)
        with pytest.raises(AssertionError, match="FAILED"):
            fires(alert, (before, before, later), tmp_path, later=later)
