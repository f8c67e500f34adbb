"""The shared test server."""

from collections.abc import Callable

import redis

from broker.settings import Settings
from tests.redis_server import RedisServer


def test_the_test_server_keeps_every_write_on_disk(settings: Settings) -> None:
    with redis.Redis.from_url(settings.redis_url) as client:
        assert client.config_get("appendfsync") == {"appendfsync": "always"}
        assert client.dbsize() == 0


def test_a_killed_server_comes_back_with_its_data(own_redis: Callable[..., RedisServer]) -> None:
    server = own_redis()
    with server.client() as client:
        client.set("kept", "yes")
        server.kill()
        server.start()
        assert client.get("kept") == "yes"
