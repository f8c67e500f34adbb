"""Clients by name."""

import pytest

from broker.errors import ConfigurationError
from broker.net.lean import LeanClient
from broker.net.opening import open_client
from broker.net.plain import AiohttpClient


@pytest.mark.parametrize(("kind", "made"), [("lean", LeanClient), ("aiohttp", AiohttpClient)])
async def test_a_client_is_opened_by_name(kind: str, made: type) -> None:
    client = open_client(kind)
    assert type(client) is made
    await client.close()


async def test_an_unknown_kind_is_a_wrong_setting() -> None:
    with pytest.raises(ConfigurationError):
        open_client("curl")
