"""Sends through a real socket into a real Redis."""

from typing import Any

import redis

from broker.keyspace.content import decode
from broker.settings import Settings
from tests.integration.ingress.conftest import Ingress


def client_of(settings: Settings) -> "redis.Redis[Any]":
    return redis.Redis.from_url(settings.redis_url)


async def test_a_plain_sms_is_ours_before_the_answer(ingress: Ingress, settings: Settings) -> None:
    answer = await ingress.send({"reference": "order-7"})
    body = await answer.json()
    assert answer.status == 202
    assert body == {"id": body["id"], "status": "accepted", "to": "+12025550101", "durability": "fsync"}
    assert answer.headers["Location"] == f"/v1/messages/{body['id']}"
    with client_of(settings) as client:
        message = decode(client.get(f"msg:{body['id']}"))
        assert (message.account, message.originator, message.reference) == ("acme", "+12025550150", "order-7")
        assert client.lrange("ready:submit", 0, -1) == [body["id"].encode()]
        assert client.zcard("admitted") == 1
        assert client.llen("submit") == 1
