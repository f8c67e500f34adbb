"""The token address of the simulator."""

import base64

import orjson
import pytest

from .conftest import Caller, Start

pytestmark = pytest.mark.asyncio


def basic(text: str) -> str:
    return "Basic " + base64.b64encode(text.encode()).decode()


async def test_a_token_names_its_life_in_seconds(start: Start) -> None:
    caller = await start(token_life_s=1800)

    body = orjson.loads((await caller.token()).body)

    assert (body["expires_in"], body["token_type"]) == (1800, "Bearer")


@pytest.mark.parametrize("shown", ["", "Bearer x", "Basic %%%", basic("client:wrong"), basic("other:secret")])
async def test_wrong_client_credentials_get_no_token(caller: Caller, shown: str) -> None:
    assert (await caller.token(shown)).status == 401


async def test_both_live_secrets_work_until_one_is_revoked(start: Start) -> None:
    caller = await start(client_secrets=("old", "new"))

    assert (await caller.token(basic("client:old"))).status == 200
    await caller.dial(revoked_secrets=["old"])
    assert (await caller.token(basic("client:old"))).status == 401
    assert (await caller.token(basic("client:new"))).status == 200


async def test_revoked_tokens_stop_working_and_new_ones_work(caller: Caller) -> None:
    assert (await caller.create()).status == 202
    await caller.dial(revoke_tokens=True)
    assert (await caller.create()).status == 401
    await caller.token()
    assert (await caller.create()).status == 202


async def test_the_token_service_can_fail(caller: Caller) -> None:
    await caller.dial(token_fail=1)
    assert (await caller.token()).status == 401
    await caller.dial(token_errors={"503": 1})
    assert (await caller.token()).status == 503


async def test_another_grant_is_not_supported(caller: Caller) -> None:
    answer = await caller.ask(
        "POST", "/api/v1/oauth2/token", b"grant_type=password", authorization=basic("client:secret")
    )

    assert (answer.status, orjson.loads(answer.body)) == (400, {"error": "unsupported_grant_type"})
