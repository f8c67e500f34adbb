"""What could not leave before its validity is over is refused at once, and told when it could."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

import pytest

from broker.domain.account import Connection
from broker.domain.message import Message, Priority
from broker.domain.value import replace
from broker.errors import Busy
from broker.keyspace.crowds import Crowds
from broker.keyspace.flows import flow
from broker.services.delays import Delays
from tests.factories import make_message

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
SENDER = "+12025550150"
PACED = Connection(name="c", provider="loopback", sender_mps=10)


def message(valid_s: float, **changes: object) -> Message:
    return make_message(
        account="acme", originator=SENDER, valid_until=NOW + timedelta(seconds=valid_s), **changes
    )


def depth(high: int = 0, normal: int = 0, bulk: int = 0) -> Mapping[Priority, int]:
    return {Priority.HIGH: high, Priority.NORMAL: high + normal, Priority.BULK: high + normal + bulk}


def seen(
    lanes: Mapping[str, Mapping[Priority, int]],
    *,
    flows: Mapping[str, int] | None = None,
    connection: Connection = PACED,
    known: Sequence[str] = (),
) -> Delays:
    """Return delays that have looked."""

    async def look(names: Sequence[str]) -> Crowds:
        assert list(names) == ["c"]
        return Crowds(lanes={("c", sender): one for sender, one in lanes.items()}, flows=flows or {})

    async def remembers(_account: str, key: str) -> bool:
        return key in known

    one = Delays(look, paced=lambda: [connection], chosen=lambda _: connection, remembers=remembers)
    asyncio.run(one.look())
    return one


def check(delays: Delays, *messages: Message, key: str | None = None) -> None:
    asyncio.run(delays.check(messages, NOW, key=key))


def test_what_has_a_slot_within_its_validity_is_taken() -> None:
    check(seen({SENDER: depth(normal=1000)}), message(101))


def test_what_has_none_is_refused_with_the_time_it_could_leave_and_the_time_to_ask_again() -> None:
    with pytest.raises(Busy, match="before 2026-11-22T12:01:40Z") as caught:
        check(seen({SENDER: depth(normal=1000)}), message(70))
    assert caught.value.retry_after_s == 30


def test_a_batch_is_judged_by_its_last() -> None:
    delays = seen({SENDER: depth(normal=1000)})
    check(delays, *[message(102)] * 10)
    with pytest.raises(Busy):
        check(delays, *[message(102)] * 100)


@pytest.mark.parametrize(
    ("priority", "taken"), [(Priority.HIGH, True), (Priority.NORMAL, False), (Priority.BULK, False)]
)
def test_only_what_goes_before_it_delays_a_message(priority: Priority, taken: bool) -> None:
    delays = seen({SENDER: depth(normal=1000, bulk=1000)})
    if taken:
        check(delays, message(50, priority=priority))
    else:
        with pytest.raises(Busy):
            check(delays, message(50, priority=priority))


def test_the_accounts_own_backlog_on_the_way_to_the_lane_counts() -> None:
    delays = seen({}, flows={flow("acme", Priority.NORMAL): 1000})
    with pytest.raises(Busy):
        check(delays, message(50))
    check(delays, replace(message(50), account="other"))


def test_another_senders_lane_delays_nobody_on_a_connection_without_a_rate_of_its_own() -> None:
    check(seen({"+12025550199": depth(normal=100_000)}), message(5))


def test_a_connections_rate_is_shared_by_its_senders_in_turn() -> None:
    shared = replace(PACED, sender_mps=None, mps=10)
    delays = seen({SENDER: depth(normal=100), "+12025550199": depth(normal=100_000)}, connection=shared)
    check(delays, message(21))
    with pytest.raises(Busy):
        check(delays, message(19))


def test_a_request_that_was_taken_before_gets_the_answer_that_it_got() -> None:
    check(seen({SENDER: depth(normal=1000)}, known=["k"]), message(5), key="k")


def test_where_nothing_waits_nothing_is_estimated() -> None:
    assert not seen({SENDER: depth()}, flows={flow("acme", Priority.NORMAL): 5})
    assert seen({SENDER: depth(normal=1)})
