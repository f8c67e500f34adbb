"""Messages in the answers to arrivals: while we cannot take them, nothing is held against who answered."""

from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import pytest
from sqlalchemy import text

from broker.keyspace import keys
from broker.keyspace.circuits import OPENS_AFTER, Leave
from broker.keyspace.content import decode
from broker.runtime import Runtime
from broker.services.tell import READ_LIMIT
from broker.storage import provision
from tests.integration.services.owed import all_are, rows, until
from tests.integration.services.test_callbacks import arrival
from tests.redis_server import RedisServer
from tests.sink import Reply, Sink

Open = Callable[..., Runtime]

SENDER = "+12025550150"
WISH = b"{SMS:TEXT}{}{}{+12025550130}{Thanks}"


@pytest.fixture
def sink() -> Iterator[Sink]:
    with closing(Sink(lambda *_: Reply(body=WISH))) as one:
        yield one


@pytest.fixture
def redis(own_redis: Callable[..., RedisServer]) -> RedisServer:
    return own_redis()


@pytest.fixture
def runtime(open_runtime: Open, sink: Sink, redis: RedisServer) -> Runtime:
    """A runtime whose account `acme` may send by answering."""
    one = open_runtime(redis_url=f"{redis.url}/0", egress_allow=(sink.authority,), callback_first_s=0.01)
    account = {
        "name": "acme",
        "senders": [SENDER],
        "inbound_numbers": [SENDER],
        "callback_url": sink.url(),
        "callback_dialect": "ozeki",
        "callback_replies": True,
    }
    key = one.settings.secret_key.get_secret_value()
    one.database.write(lambda sql: provision.apply(sql, {"accounts": [account]}, secret_key=key))
    one.directory.forget()
    return one


def come(runtime: Runtime, words: str) -> None:
    """Record an arrival at the account's number."""
    arrival(runtime, originator="+12025550101", recipient=SENDER, text=words)


def taken(redis: RedisServer) -> list[Any]:
    """Return the messages that were admitted."""
    with redis.client(0) as client:
        found = [client.execute_command("GET", name, NEVER_DECODE=True) for name in client.keys("msg:*")]
    return [decode(raw) for raw in found]


def test_while_redis_takes_nothing_the_endpoint_is_not_blamed(
    runtime: Runtime, sink: Sink, redis: RedisServer
) -> None:
    with redis.client(0) as client:
        client.config_set("appendonly", "no")  # less than was promised to customers, so nothing is taken
        for n in range(OPENS_AFTER + 1):
            come(runtime, f"Hello {n}")
        until(runtime, lambda: all(row.error for row in rows(runtime)))
        assert {row.error for row in rows(runtime)} == {"the messages in the answer cannot be taken now"}
        (endpoint,) = {row.endpoint for row in rows(runtime)}
        assert runtime.circuits.ask([endpoint]) == {endpoint: Leave.YES}
        assert client.hget(keys.circuit(endpoint), "failures") in (None, "0")
        assert taken(redis) == []
        client.config_set("appendonly", "yes")
    runtime.database.write(lambda sql: sql.execute(text("UPDATE callbacks SET due_at = 1")))  # not in 10 s
    until(runtime, all_are(runtime, "told"))
    assert [(one.originator, one.text) for one in taken(redis)] == [(SENDER, "Thanks")] * (OPENS_AFTER + 1)


def test_no_more_than_four_kilobytes_of_an_answer_are_looked_at(
    runtime: Runtime, sink: Sink, redis: RedisServer
) -> None:
    def line(words: bytes) -> bytes:
        return WISH.replace(b"Thanks", words)

    within = line(b"within") + b"\n"
    last = line(b"the last")
    blank = b"\n" * (READ_LIMIT - len(within) - len(last))
    beyond = b"\n" + line(b"beyond")
    sink.answer = lambda *_: Reply(body=within + blank + last + beyond)
    come(runtime, "Hello")
    until(runtime, all_are(runtime, "told"))
    assert sorted(one.text for one in taken(redis)) == ["the last", "within"]
    assert READ_LIMIT == 4096
