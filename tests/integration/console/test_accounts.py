"""An account's page: the address that its customer enters for each API, and whether that is ready, or why not."""

import asyncio
import re
from collections.abc import Callable
from html import unescape

import pytest
from sqlalchemy import delete, update

from broker.keyspace.client import open_async, open_sync
from broker.keyspace.pressure import Pressure
from broker.services.readiness import Readiness
from broker.settings import Settings
from broker.storage.tables import accounts, api_keys
from tests.integration.console.conftest import Answer, Console, Opening, Person
from tests.integration.ingress.conftest import KEY
from tests.redis_server import RedisServer

ACME, GLOBEX = "/console/accounts/acme", "/console/accounts/globex"
APIS = ("mxtelecom", "native", "ozeki")


def apis(page: Answer) -> dict[str, str]:
    """Return what the page says of each API."""
    table = page.text.partition('aria-label="API addresses"')[2].partition("</table>")[0]
    rows = table.partition("<tbody>")[2].split("<tr>")[1:]
    words = [unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", row))).strip() for row in rows]
    return {one.partition(" ")[0]: one.partition(" ")[2] for one in words}


async def becomes(one: Person, path: str, text: str) -> dict[str, str]:
    """Load a page until each API says something."""
    async with asyncio.timeout(20):
        while True:
            found = apis(await one.get(path))
            if found and all(text in row for row in found.values()):
                return found
            await asyncio.sleep(0.1)


async def test_each_api_has_its_prefix_its_addresses_and_is_ready(opening: Opening) -> None:
    async with opening(public_url="http://sms.example") as console:
        one = await console.person("vera")
        page = await one.get(ACME)
        assert "API prefix" in page.seen
        found = await becomes(one, ACME, "✓ Ready")
        assert tuple(sorted(found)) == APIS
        assert found["ozeki"].startswith(
            "http://sms.example/api Copy the API prefix of ozeki GET, POST http://sms.example/api"
        )
        assert found["native"].startswith("http://sms.example/v1 Copy")
        assert "http://sms.example/v1/messages" in found["native"]
        assert found["mxtelecom"].startswith("http://sms.example/SendMMS Copy")
        assert 'data-copy="http://sms.example/api"' in page.text


async def test_a_backlog_that_is_too_old_makes_its_account_not_ready_and_no_other(console: Console) -> None:
    one = await console.person("vera")
    body = {"to": "+12025550101", "from": "+12025550150", "text": "hello"}
    async with one.client.post(
        f"{console.url}/v1/messages", json=body, headers={"Authorization": f"Bearer {KEY}"}
    ) as answer:
        assert answer.status == 202, await answer.text()
        name = (await answer.json())["id"]
    with open_sync(console.settings.redis_url, console.settings) as client:
        client.zincrby("admitted", -(console.settings.backlog_age_s + 60) * 1000, name)
    await becomes(one, ACME, "✕ Not ready priority normal: too much is waiting already")
    assert "✓ Ready" in apis(await one.get(GLOBEX))["native"]


async def test_a_store_that_is_nearly_full_makes_nobody_ready(
    own_redis: Callable[..., RedisServer], opening: Opening
) -> None:
    server = own_redis("--maxmemory", "100mb")
    async with opening(redis_url=server.url, redis_memory_watermark=0.001) as console:
        one = await console.person("vera")
        await becomes(one, ACME, "✕ Not ready the store is nearly full")


async def test_without_password_or_key_an_api_cannot_be_used(console: Console) -> None:
    one = await console.person("vera")
    plain = update(accounts).where(accounts.c.name == "acme").values(password_hash="")
    console.database.write(lambda sql: sql.execute(plain))
    await becomes(one, ACME, "eady")
    found = apis(await one.get(ACME))
    assert "✕ Not ready it has no password" in found["ozeki"]
    assert "✕ Not ready it has no password" in found["mxtelecom"]
    assert "✓ Ready" in found["native"]
    console.database.write(lambda sql: sql.execute(delete(api_keys).where(api_keys.c.account == "acme")))
    assert "✕ Not ready it has neither an API key nor a password" in apis(await one.get(ACME))["native"]


@pytest.mark.parametrize("looked", [False, True])
async def test_nobody_is_ready_before_redis_was_seen(settings: Settings, looked: bool) -> None:
    client = open_async(settings.redis_url, settings)
    pressure = Pressure(client, settings)
    if looked:
        await pressure.look()
    assert await Readiness(pressure).why_not("acme") == ("" if looked else "Redis was not seen for 3 s")
    await client.aclose()
