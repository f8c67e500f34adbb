"""Access tokens, shared by the processes that need them."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from broker.errors import Unavailable
from broker.keyspace import keys, tokens
from broker.keyspace.client import open_async
from broker.keyspace.tokens import Tokens
from broker.settings import Settings


@pytest.fixture
async def client(settings: Settings) -> AsyncIterator[Any]:
    one = open_async(settings.redis_url, settings)
    yield one
    await one.aclose()


async def test_a_token_is_shared_and_gone_before_it_expires(client: Any) -> None:
    await Tokens(client).put("c", "t1", expires_in_s=3600)
    assert await Tokens(client).get("c") == "t1"
    assert await client.ttl(keys.token("c")) <= 3600 - tokens.MARGIN_S


async def test_a_token_that_lives_shorter_than_the_margin_is_kept_for_half_its_life(client: Any) -> None:
    await Tokens(client).put("c", "t1", expires_in_s=60)
    assert 0 < await client.ttl(keys.token("c")) <= 30


async def test_a_refused_token_is_gone_for_everybody(client: Any) -> None:
    one, other = Tokens(client), Tokens(client)
    await one.put("c", "t1", expires_in_s=3600)
    assert await one.get("c") == "t1"
    await one.forget("c", "t1")
    assert await one.get("c") is None
    assert await other.get("c") is None


async def test_the_token_that_took_its_place_is_not_forgotten(client: Any) -> None:
    one, other = Tokens(client), Tokens(client)
    await one.put("c", "t1", expires_in_s=3600)
    assert await one.get("c") == "t1"
    await other.put("c", "t2", expires_in_s=3600)
    await one.forget("c", "t1")
    assert await one.get("c") == "t2"


async def test_a_refused_token_is_not_remembered_again_however_late_redis_tells_of_it(client: Any) -> None:
    one = Tokens(client)
    await one.put("c", "t1", expires_in_s=3600)
    await one.forget("c", "t1")
    await client.set(keys.token("c"), "t1")  # as an answer that was under way
    assert await one.get("c") is None
    await one.put("c", "t1", expires_in_s=3600)  # the carrier gave the same one again
    assert await one.get("c") == "t1"


async def test_many_who_are_refused_at_once_all_get_the_new_token(client: Any) -> None:
    one = Tokens(client)
    await one.put("c", "t1", expires_in_s=3600)
    fetched = 0

    async def renew() -> str:
        nonlocal fetched
        await one.forget("c", "t1")
        while (token := await one.get("c")) is None:
            if await one.lock("c"):
                if await one.get("c") is None:
                    fetched += 1
                    await one.put("c", "t2", expires_in_s=3600)
                await one.unlock("c")
        return token

    assert set(await asyncio.gather(*(renew() for _ in range(50)))) == {"t2"}
    assert fetched == 1


async def test_only_one_holds_the_lock_and_nobody_opens_anothers(client: Any) -> None:
    one, other = Tokens(client), Tokens(client)
    assert await one.lock("c")
    await other.unlock("c")
    assert await client.exists(keys.token_lock("c"))
    await one.unlock("c")
    assert await other.lock("c")


async def test_without_redis_there_is_no_token_and_nothing_was_sent(settings: Settings) -> None:
    client = open_async("redis://127.0.0.1:9/0", settings)
    for call in (Tokens(client).get("c"), Tokens(client).forget("c", "t"), Tokens(client).lock("c")):
        with pytest.raises(Unavailable):
            await call
    await client.aclose()
