"""A worker's runtime over real servers, and a door through which messages come in."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import redis

from broker.domain.account import Account
from broker.domain.ids import new_id
from broker.domain.message import Message
from broker.domain.record import Record
from broker.domain.status import Status
from broker.domain.value import replace
from broker.keyspace.admission import Admission, AdmissionRequest
from broker.keyspace.client import open_sync
from broker.keyspace.releasing import Releasing
from broker.runtime import Runtime
from broker.settings import Settings
from broker.storage import provision, reading
from tests.factories import make_message
from tests.integration.workers.carrier import Carrier
from tests.prepared import prepare
from workers.paces import Paces

QUICK = {
    "lease_s": 30,
    "unknown_hold_s": 0,
    "put_back_s": 0.05,
    "take_wait_s": 60,
    "retry_first_s": 0.01,
    "retry_longest_s": 0.02,
    "submit_timeout_s": 5,
    "hold_s": 0.1,
}
"""Settings that make repairs quick."""


@pytest.fixture(scope="session")
def running_carrier() -> Iterator[Carrier]:
    """The session's simulator."""
    one = Carrier()
    yield one
    one.close()


@pytest.fixture
def carrier(running_carrier: Carrier) -> Carrier:
    """A simulator that has taken nothing and makes no faults."""
    running_carrier.clear()
    return running_carrier


@pytest.fixture
def prepared(make_settings: Callable[..., Settings], carrier: Carrier) -> Callable[..., Settings]:
    """Make settings and a database that knows an account of each policy and the carrier."""

    def make(**changes: Any) -> Settings:
        settings = make_settings(**{**QUICK, **changes})
        document = {
            "accounts": [
                {"name": "acme", "api_keys": ["a"], "senders": ["+12025550150"]},
                {"name": "stopper", "api_keys": ["b"], "senders": [], "unknown_policy": "stop"},
            ],
            "connections": [carrier.connection()],
        }
        prepare(settings, document)
        return settings

    return make


class World:
    """A runtime, and what a test wants to know of it."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.runtime = Runtime.open(settings)
        self.redis: Any = redis.Redis.from_url(settings.redis_url, decode_responses=True)
        self._client = open_sync(settings.redis_url, settings)
        self._releasing = Releasing(self._client, rings=settings.worker_threads)
        self._paces = Paces(self.runtime.database)

    def close(self) -> None:
        """Close every handle."""
        self.runtime.close()
        self.redis.close()
        self._client.close()

    def provision(self, carrier: Carrier, **changes: Any) -> None:
        """Change the connection to the carrier, or add one of another name."""
        document = {"connections": [{**carrier.connection(), **changes}]}
        secret_key = self.settings.secret_key.get_secret_value()
        self.runtime.database.write(lambda sql: provision.apply(sql, document, secret_key=secret_key))
        self.runtime.directory.forget()

    def release(self) -> int:
        """Release what may leave its lane, as the scheduler does; return how many ids that were."""
        self._paces.look()
        return self._releasing.release(self._paces.now)

    def admit(self, count: int = 1, **changes: Any) -> list[str]:
        """Admit new messages as the ingress does, and return their ids."""
        return admit(self.settings, [new_message(**changes) for _ in range(count)])

    def admit_group(self, count: int, **changes: Any) -> list[str]:
        """Admit one group message."""
        ids = tuple(new_id() for _ in range(count))
        members = [
            new_message(
                id=one, members=ids, group=True, batch=new_id(), recipient=f"+1202555010{n}", **changes
            )
            for n, one in enumerate(ids)
        ]
        batch = members[0].batch
        return admit(self.settings, [replace(one, batch=batch) for one in members])

    def record(self, message_id: str, account: str = "acme") -> Record:
        """Return what is recorded of a message."""
        found = self.runtime.database.read(lambda sql: reading.record(sql, message_id, account=account))
        assert found is not None
        return found

    def status(self, message_id: str, account: str = "acme") -> Status:
        """Return a message's status."""
        return self.record(message_id, account).message.status


def new_message(**changes: Any) -> Message:
    """Return a message that is valid now."""
    now = datetime.now(UTC)
    return make_message(**{"created_at": now, "valid_until": now + timedelta(days=1), **changes})


def admit(settings: Settings, messages: Sequence[Message]) -> list[str]:
    """Admit messages; members of one group in one request, the others each in its own."""

    async def run() -> None:
        admission = Admission(settings.redis_url, settings)
        groups = [tuple(messages)] if messages[0].group else [(one,) for one in messages]
        now = datetime.now(UTC)
        await asyncio.gather(
            *(
                admission.admit(
                    AdmissionRequest(
                        account=Account(name=group[0].account, senders=()), messages=group, now=now
                    )
                )
                for group in groups
            )
        )
        await admission.close()

    asyncio.run(run())
    return [one.id for one in messages]


@pytest.fixture
def open_world(prepared: Callable[..., Settings]) -> Iterator[Callable[..., World]]:
    """Open runtimes with settings of the test's choice; they are closed with the test."""
    opened: list[World] = []

    def start(**changes: Any) -> World:
        opened.append(World(prepared(**changes)))
        return opened[-1]

    yield start
    for one in opened:
        one.close()


@pytest.fixture
def world(open_world: Callable[..., World]) -> World:
    """A runtime with quick settings."""
    return open_world()
