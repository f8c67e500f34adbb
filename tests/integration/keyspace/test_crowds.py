"""What stands before a message that comes now is counted."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from broker.domain.message import Priority
from broker.domain.value import replace
from broker.keyspace import crowds
from broker.keyspace.admission import Admission
from broker.keyspace.client import Async, open_async, open_sync
from broker.keyspace.flows import flow
from broker.keyspace.lanes import Lanes, Place, score_of
from broker.settings import Settings
from tests.integration.keyspace.conftest import ACCOUNT, message, request


@pytest.fixture
async def client(settings: Settings) -> AsyncIterator[Async]:
    one = open_async(settings.redis_url, settings)
    yield one
    await one.aclose()


def lane(settings: Settings, sender: str, priorities: list[Priority]) -> None:
    """Let messages wait in a sender's lane."""
    with open_sync(settings.redis_url, settings) as redis:
        Lanes(redis).add(
            [
                Place(
                    id=f"{sender}{n}",
                    connection="c",
                    sender=sender,
                    score=score_of(one, since_ms=1_700_000_000_000 + n, price=1),
                )
                for n, one in enumerate(priorities)
            ],
            now_ms=1_700_000_000_000,
        )


async def test_each_priority_waits_for_its_own_and_for_those_before_it(
    client: Async, settings: Settings
) -> None:
    lane(settings, "a", [Priority.HIGH, *[Priority.NORMAL] * 2, *[Priority.BULK] * 4])
    lane(settings, "b", [Priority.NORMAL])
    found = (await crowds.look(client, ["c", "unused"])).lanes
    assert found == {
        ("c", "a"): {Priority.HIGH: 1, Priority.NORMAL: 3, Priority.BULK: 7},
        ("c", "b"): {Priority.HIGH: 0, Priority.NORMAL: 1, Priority.BULK: 1},
    }


async def test_what_is_not_on_record_yet_is_counted_by_flow(
    client: Async, admission: Admission, settings: Settings
) -> None:
    for name, count, changes in (("acme", 3, {}), ("acme", 2, {"priority": Priority.BULK}), ("other", 1, {})):
        for _ in range(count):
            one: Any = message(account=name, **changes)
            await admission.admit(request(one, account=replace(ACCOUNT, name=name)))
    found = (await crowds.look(client, [])).flows
    assert found[flow("acme", Priority.NORMAL)] == 3
    assert found[flow("acme", Priority.BULK)] == 2
    assert found[flow("other", Priority.NORMAL)] == 1
