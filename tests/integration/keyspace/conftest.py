"""Requests for admission, and an admission over this test's Redis."""

from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from broker.domain.account import Account
from broker.domain.ids import new_id
from broker.domain.message import Message
from broker.domain.value import replace
from broker.keyspace.admission import Admission, AdmissionRequest
from broker.keyspace.client import open_sync
from broker.keyspace.ready import Ready
from broker.settings import Settings

ACCOUNT = Account(name="acme", senders=("+12025550150",))
NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


def message(**changes: Any) -> Message:
    """Return an outbound SMS that was never seen before."""
    usual = Message(
        id=new_id(),
        account="acme",
        originator="+12025550150",
        recipient="+12025550101",
        text="Hello",
        created_at=NOON,
        valid_until=NOON + timedelta(days=1),
    )
    return replace(usual, **changes)


def request(*messages: Message, account: Account = ACCOUNT, **changes: Any) -> AdmissionRequest:
    """Return a request to admit these messages, or one new one."""
    return AdmissionRequest(account=account, messages=messages or (message(),), **{"now": NOON, **changes})


@pytest.fixture
def client(settings: Settings) -> Iterator[Any]:
    """A connection to this test's Redis."""
    with open_sync(settings.redis_url, settings) as one:
        yield one


@pytest.fixture
def ready(client: Any) -> Ready:
    """What waits there, put back after longer than any test takes."""
    return Ready(client, rings=3, put_back_s=60)


@pytest.fixture
async def admission(settings: Settings) -> AsyncIterator[Admission]:
    """An admission over this test's Redis."""
    one = Admission(settings.redis_url, settings)
    yield one
    await one.close()


@pytest.fixture
async def open_admission(make_settings: Callable[..., Settings]) -> AsyncIterator[Callable[..., Admission]]:
    """Open admissions with settings of the test's choice; they are closed with the test."""
    opened: list[Admission] = []

    def open_one(redis_url: str, **changes: Any) -> Admission:
        opened.append(Admission(redis_url, make_settings(redis_url=redis_url, **changes)))
        return opened[-1]

    yield open_one
    for one in opened:
        await one.close()
