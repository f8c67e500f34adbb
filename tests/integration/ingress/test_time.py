"""What could not leave in time is refused at the door, in the words of each API."""

import asyncio
import time
from copy import deepcopy
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from broker.domain.message import Priority
from broker.keyspace.client import open_sync
from broker.keyspace.lanes import Lanes, Place, score_of
from broker.settings import Settings
from tests.integration.ingress.conftest import DOCUMENT, PASSWORD, Ingress, Running

SENDER, WAITING, RATE = "+12025550150", 1000, 10


def at(seconds: float) -> str:
    return (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat()


@pytest.fixture
def paced() -> dict[str, Any]:
    """A document whose connection says ten messages of a sender a second."""
    document: dict[str, Any] = deepcopy(DOCUMENT)
    document["connections"][0]["sender_mps"] = RATE
    return document


@pytest.fixture
def crowd(settings: Settings) -> None:
    """Let messages wait in the sender's lane, as many as take 100 s."""
    now_ms = round(time.time() * 1000)
    score = score_of(Priority.NORMAL, since_ms=now_ms, price=1)
    places = [Place(id=f"m{n}", connection="bandwidth-1", sender=SENDER, score=score) for n in range(WAITING)]
    with open_sync(settings.redis_url, settings) as client:
        Lanes(client).add(places, now_ms=now_ms)


async def refused(ingress: Ingress, **wanted: Any) -> Any:
    """Send until the ingress has looked, and return the refusal."""
    async with asyncio.timeout(20):
        while (answer := await ingress.send(wanted)).status == 202:
            await asyncio.sleep(0.05)
    return answer


@pytest.mark.usefixtures("crowd")
async def test_a_message_that_would_be_over_before_its_slot_is_told_when_that_is(
    running: Running, settings: Settings, paced: dict[str, Any]
) -> None:
    async with running(settings, paced) as ingress:
        answer = await refused(ingress, valid_until=at(40), **{"from": SENDER})
        problem = await answer.json()
        assert answer.status == 503
        assert "could not leave before 20" in problem["detail"]
        assert 30 <= int(answer.headers["Retry-After"]) <= 70
        longer = {"valid_until": at(400), "from": SENDER}
        urgent = {"valid_until": at(40), "from": SENDER, "priority": "high"}
        other = {"valid_until": at(40), "from": "+12025550151"}
        for fine in (longer, urgent, other):
            assert (await ingress.send(fine)).status == 202


@pytest.mark.usefixtures("crowd")
async def test_a_repeat_of_what_was_taken_gets_the_first_answer_however_long_the_lane_has_grown(
    running: Running, settings: Settings, paced: dict[str, Any]
) -> None:
    async with running(settings, DOCUMENT) as ingress:
        wanted = {"valid_until": at(40), "from": SENDER}
        first = await (await ingress.send(wanted, Idempotency_Key="k")).json()
    async with running(settings, paced) as ingress:
        await refused(ingress, **wanted)
        again = await ingress.send(wanted, Idempotency_Key="k")
        assert (again.status, (await again.json())["id"]) == (202, first["id"])


@pytest.mark.usefixtures("crowd")
async def test_ozekis_customers_are_told_that_it_was_not_taken(
    running: Running, settings: Settings, paced: dict[str, Any]
) -> None:
    async with running(settings, paced) as ingress:
        await refused(ingress, valid_until=at(40), **{"from": SENDER})
        fields = {
            "action": "sendmessage",
            "username": "acme",
            "password": PASSWORD,
            "messagetype": "SMS:TEXT",
        }
        vp = (datetime.now(UTC) + timedelta(seconds=40)).strftime("%Y-%m-%d %H:%M:%S")
        fields |= {"recipient": "+12025550101", "messagedata": "Hi", "originator": SENDER, "vp": vp}
        answer = await ingress.client.get(f"{ingress.url}/api", params=fields)
        assert "<statuscode>199</statuscode>" in await answer.text()


async def test_what_quiet_hours_outlast_is_refused_and_they_are_named(
    running: Running, settings: Settings
) -> None:
    now = datetime.now(ZoneInfo("America/New_York"))
    hours = f"{now - timedelta(hours=1):%H:%M}-{now + timedelta(hours=3):%H:%M}"
    document: dict[str, Any] = deepcopy(DOCUMENT)
    document["accounts"][0]["quiet_hours"] = hours
    async with running(settings, document) as ingress:
        answer = await ingress.send({"valid_until": at(3600)})
        assert answer.status == 422
        (error,) = (await answer.json())["errors"]
        assert (error["pointer"], error["code"]) == ("/valid_until", "validity_over")
        assert hours in error["message"]
        assert (await ingress.send({"valid_until": at(5 * 3600)})).status == 202
