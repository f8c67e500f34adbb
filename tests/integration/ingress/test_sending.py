"""Sends through a real socket into a real Redis."""

import asyncio
import sqlite3
from collections.abc import Callable
from typing import Any

import pytest
import redis
from aiohttp import ClientSession, FormData, encode_basic_auth

from broker.domain.message import PartState
from broker.keyspace import health
from broker.keyspace.content import decode
from broker.settings import Settings
from tests.integration.ingress.conftest import DOCUMENT, KEY, OTHER_KEY, PASSWORD, Ingress, Running
from tests.redis_server import RedisServer, free_port

PNG = b"\x89PNG\r\n\x1a\n" + bytes(100)


@pytest.fixture
def client(settings: Settings) -> Any:
    with redis.Redis.from_url(settings.redis_url) as one:
        yield one


async def test_a_plain_sms_is_ours_before_the_answer(ingress: Ingress, client: Any) -> None:
    answer = await ingress.send({"reference": "order-7"})
    body = await answer.json()
    assert answer.status == 202
    assert body == {"id": body["id"], "status": "accepted", "to": "+12025550101", "durability": "fsync"}
    assert answer.headers["Location"] == f"/v1/messages/{body['id']}"
    message = decode(client.get(f"msg:{body['id']}"))
    assert (message.account, message.originator, message.reference) == ("acme", "+12025550150", "order-7")
    assert client.zrange("fresh:submit", 0, -1) == [body["id"].encode()]
    assert client.zcard("admitted") == 1
    assert client.llen("submit") == 1


async def test_a_message_can_be_looked_up_from_the_instant_it_is_ours(ingress: Ingress) -> None:
    sent = await (await ingress.send()).json()
    answer = await ingress.get(f"/v1/messages/{sent['id']}")
    found = await answer.json()
    assert answer.status == 200
    assert (found["id"], found["status"], found["text"]) == (sent["id"], "accepted", "Hello")
    assert [event["type"] for event in found["events"]] == ["admit"]


async def test_other_accounts_and_unknown_ids_are_answered_alike(ingress: Ingress) -> None:
    sent = await (await ingress.send()).json()
    others = await ingress.get(f"/v1/messages/{sent['id']}", key=OTHER_KEY)
    unknown = await ingress.get("/v1/messages/01a20022-3fe9-71ad-beb7-bd1bd8ef99a6")
    nonsense = await ingress.get("/v1/messages/nonsense")
    assert (others.status, unknown.status, nonsense.status) == (404, 404, 404)
    assert await others.json() == await unknown.json() == await nonsense.json()


async def test_a_replay_answers_the_same_body_and_says_so(ingress: Ingress, client: Any) -> None:
    first = await ingress.send({"to": ["+12025550101", "+12025550102"]}, Idempotency_Key="k")
    again = await ingress.send({"to": ["+12025550101", "+12025550102"]}, Idempotency_Key="k")
    assert (first.status, again.status) == (202, 202)
    assert await first.json() == await again.json()
    assert "Idempotency-Replayed" not in first.headers
    assert again.headers["Idempotency-Replayed"] == "true"
    assert client.zcard("fresh:submit") == 2


async def test_a_key_with_another_body_is_a_conflict(ingress: Ingress, client: Any) -> None:
    await ingress.send({"text": "One"}, Idempotency_Key="k")
    answer = await ingress.send({"text": "Two"}, Idempotency_Key="k")
    assert (answer.status, (await answer.json())["code"]) == (409, "idempotency_key_reused")
    assert client.zcard("fresh:submit") == 1


async def test_twenty_parallel_copies_give_one_message(ingress: Ingress, client: Any) -> None:
    answers = await asyncio.gather(*(ingress.send(Idempotency_Key="k") for _ in range(20)))
    bodies = [await answer.json() for answer in answers]
    assert len({body["id"] for body in bodies}) == 1
    assert client.zcard("fresh:submit") == 1


async def test_basic_credentials_are_the_accounts_name_and_password(ingress: Ingress) -> None:
    async def send(password: str) -> int:
        headers = {"Authorization": encode_basic_auth("acme", password)}
        body = {"to": "+12025550101", "text": "Hello"}
        answer = await ingress.client.post(f"{ingress.url}/v1/messages", json=body, headers=headers)
        return answer.status

    assert await send(PASSWORD) == 202
    assert await send(PASSWORD) == 202
    assert await send("wrong") == 401


async def test_an_account_may_be_bound_to_addresses(running: Running) -> None:
    bound = {"accounts": [{**DOCUMENT["accounts"][0], "allowed_ips": ["192.0.2.0/24"]}]}  # type: ignore[index]
    async with running(document=bound) as ingress:
        answer = await ingress.send()
        assert (answer.status, (await answer.json())["code"]) == (403, "address_not_allowed")


async def test_counters_that_redis_lost_are_counted_anew(running: Running, client: Any) -> None:
    limited = {"accounts": [{**DOCUMENT["accounts"][0], "daily_limit": 3, "credit": 10}]}  # type: ignore[index]
    async with running(document=limited) as ingress:
        await ingress.send({"to": ["+12025550101", "+12025550102"]})
        await ingress.send()
        for name in (*client.keys("quota:*"), *client.keys("balance:*")):
            client.delete(name)
        third, fourth = await ingress.send(), await ingress.send()
        assert (third.status, fourth.status) == (202, 429)
        assert int(fourth.headers["Retry-After"]) > 0
        assert int(client.hget("balance:acme", "left")) == 6


async def test_credit_that_is_used_up_is_an_answer_of_its_own(running: Running) -> None:
    poor = {"accounts": [{**DOCUMENT["accounts"][0], "credit": 1}]}  # type: ignore[index]
    async with running(document=poor) as ingress:
        both = await ingress.send({"to": ["+12025550101", "+12025550102"]})
        one, another = await ingress.send(), await ingress.send()
        assert (both.status, one.status, another.status) == (402, 202, 402)


async def test_media_by_id_by_url_and_by_upload(ingress: Ingress, client: Any, settings: Settings) -> None:
    form = FormData()
    form.add_field("media", PNG, filename="cat.png", content_type="image/png")
    bearer = {"Authorization": f"Bearer {KEY}"}
    stored = await ingress.client.post(f"{ingress.url}/v1/media", data=form, headers=bearer)
    media = await stored.json()
    assert (stored.status, media["content_type"], media["size"]) == (201, "image/png", len(PNG))
    sent = await ingress.send({"media": [{"id": media["id"]}, {"url": "https://media.example.com/dog.jpg"}]})
    message = decode(client.get(f"msg:{(await sent.json())['id']}"))
    first, second = message.parts
    assert (first.index, first.state, first.sha256) == (1, PartState.STORED, media["sha256"])
    assert first.path is not None
    assert first.path.startswith(str(settings.uploads))
    assert (second.index, second.state, second.url) == (
        2,
        PartState.PENDING,
        "https://media.example.com/dog.jpg",
    )
    form = FormData()
    form.add_field("message", '{"to": "+12025550101"}', content_type="application/json")
    form.add_field("media", PNG, filename="cat.png", content_type="image/png")
    direct = await ingress.client.post(f"{ingress.url}/v1/messages", data=form, headers=bearer)
    assert direct.status == 202, await direct.text()
    (part,) = decode(client.get(f"msg:{(await direct.json())['id']}")).parts
    assert part.sha256 == media["sha256"]


async def test_another_accounts_media_is_not_there(ingress: Ingress) -> None:
    form = FormData()
    form.add_field("media", PNG, filename="cat.png", content_type="image/png")
    bearer = {"Authorization": f"Bearer {OTHER_KEY}"}
    refused = await ingress.client.post(f"{ingress.url}/v1/media", data=form, headers=bearer)
    assert refused.status == 403  # this account may not send multimedia messages
    answer = await ingress.send({"media": [{"id": "01a20022-3fe9-71ad-beb7-bd1bd8ef99a6"}]})
    body = await answer.json()
    assert (answer.status, body["errors"][0]["pointer"]) == (422, "/media/0")


async def test_a_frozen_redis_gives_503_and_recovers(
    own_redis: Callable[..., RedisServer], make_settings: Callable[..., Settings], running: Running
) -> None:
    server = own_redis()
    async with running(make_settings(redis_url=server.url)) as ingress:
        assert (await ingress.send()).status == 202
        server.freeze()
        async with asyncio.timeout(2):
            unknown = await ingress.send()
        async with asyncio.timeout(2):
            busy = await ingress.send()
        server.thaw()
        assert (unknown.status, (await unknown.json())["code"]) == (503, "outcome_unknown")
        assert (busy.status, (await busy.json())["code"]) == (503, "unavailable")
        assert int(busy.headers["Retry-After"]) >= 1
        assert (await ingress.send()).status == 202


async def test_a_redis_that_restarts_is_used_again_without_a_restart_of_ours(
    own_redis: Callable[..., RedisServer], make_settings: Callable[..., Settings], running: Running
) -> None:
    server = own_redis()
    async with running(make_settings(redis_url=server.url)) as ingress:
        first = await (await ingress.send(Idempotency_Key="k")).json()
        server.kill()
        async with asyncio.timeout(2):
            assert (await ingress.send()).status == 503
        server.start()
        again = await ingress.send(Idempotency_Key="k")
        assert (again.status, await again.json()) == (202, first)


async def test_an_ingress_that_starts_before_redis_waits_for_it(
    own_redis: Callable[..., RedisServer], make_settings: Callable[..., Settings], running: Running
) -> None:
    server = own_redis()
    server.kill()
    async with running(make_settings(redis_url=server.url)) as ingress:
        assert (await ingress.send()).status == 503
        assert (await ingress.get("/readyz")).status == 503
        server.start()
        assert (await ingress.send()).status == 202


async def test_a_send_names_the_second_machine_and_is_refused_without_it(
    own_redis: Callable[..., RedisServer], make_settings: Callable[..., Settings], running: Running
) -> None:
    server = own_redis("--repl-diskless-sync-delay", "0")
    replica = own_redis("--replicaof", "127.0.0.1", str(server.port))
    settings = make_settings(redis_url=server.url, durability="replica")
    while not health.look(server.url, settings).followed:
        await asyncio.sleep(0.05)
    async with running(settings) as ingress:
        taken = await ingress.send()
        assert (taken.status, (await taken.json())["durability"]) == (202, "replica")
        replica.kill()
        unknown, refused = await ingress.send(), await ingress.send()
        assert (unknown.status, (await unknown.json())["code"]) == (503, "outcome_unknown")
        assert (refused.status, (await refused.json())["code"]) == (503, "unavailable")
        assert int(refused.headers["Retry-After"]) >= 1


async def test_above_the_memory_watermark_nothing_is_taken(
    own_redis: Callable[..., RedisServer], make_settings: Callable[..., Settings], running: Running
) -> None:
    server = own_redis("--maxmemory", "100mb")
    async with running(make_settings(redis_url=server.url, redis_memory_watermark=0.001)) as ingress:
        async with asyncio.timeout(20):
            while (answer := await ingress.send()).status != 503:
                pass
        assert "Retry-After" in answer.headers


async def test_a_backlog_that_is_too_old_slows_the_door(
    ingress: Ingress, client: Any, settings: Settings
) -> None:
    first = (await (await ingress.send()).json())["id"]
    client.zincrby("admitted", -(settings.backlog_age_s + 60) * 1000, first)
    async with asyncio.timeout(20):
        while (await ingress.send()).status != 503:
            pass


async def test_while_sql_is_away_known_accounts_are_served_and_unknown_ones_told_to_wait(
    ingress: Ingress, settings: Settings
) -> None:
    assert (await ingress.send()).status == 202
    with sqlite3.connect(settings.data_dir / "broker.db") as record:
        record.execute("ALTER TABLE accounts RENAME TO elsewhere")
    known, unknown = await ingress.send(), await ingress.send(key=OTHER_KEY)
    assert (known.status, unknown.status) == (202, 503)


async def test_a_port_that_is_taken_is_said(make_settings: Callable[..., Settings], running: Running) -> None:
    port = free_port()
    async with running(make_settings(port=port)):
        with pytest.raises(OSError, match="address already in use"):
            async with running(make_settings(port=port)):
                pass


async def test_ozeki_json_is_taken_in_one_micro_batch(ingress: Ingress, client: Any) -> None:
    async with ClientSession() as session:
        answer = await session.post(
            f"{ingress.url}/api?action=sendmsg",
            headers={"Authorization": encode_basic_auth("acme", PASSWORD)},
            json={"messages": [{"to_address": f"+1202555010{n}", "text": "Hi"} for n in range(3)]},
        )
        body = await answer.json()
    assert body["response_code"] == "SUCCESS", body
    assert client.zcard("fresh:submit") == 3
    assert client.info("commandstats")["cmdstat_evalsha"]["calls"] >= 1
    one = decode(client.get(b"msg:" + client.zrange("fresh:submit", -1, -1)[0]))
    assert one.dialect == "ozeki"
