"""Accounts take turns: however much waits of one, another's next message is among the next."""

from collections.abc import Callable, Iterable
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from broker.dispatch import Queue
from broker.domain.message import Priority
from broker.domain.value import replace
from broker.keyspace import keys
from broker.keyspace.admission import Admission
from broker.keyspace.ready import Ready
from broker.keyspace.schedule import Schedule
from tests.integration.keyspace.conftest import ACCOUNT, message, request


class Customers:
    """Send as some accounts, and say whose the popped ids are."""

    def __init__(self, admission: Admission, ready: Ready) -> None:
        self._admission = admission
        self._ready = ready
        self._whose: dict[str, str] = {}

    async def send(self, account: str, count: int = 1, **changes: Any) -> list[str]:
        """Send one request for each message."""
        sent = []
        for _ in range(count):
            one = message(account=account, **changes)
            await self._admission.admit(request(one, account=replace(ACCOUNT, name=account)))
            self._whose[one.id] = account
            sent.append(one.id)
        return sent

    async def send_batch(self, account: str, count: int) -> None:
        """Send one request for all the messages."""
        batch = [message(account=account, batch=account) for _ in range(count)]
        await self._admission.admit(request(*batch, account=replace(ACCOUNT, name=account)))
        self._whose.update({one.id: account for one in batch})

    def taken(self, most: int, queue: Queue = Queue.SUBMIT) -> str:
        """Take ids and return the first letters of their accounts, in order."""
        return self.initials(self._ready.pop(queue, most).ids)

    def initials(self, ids: Iterable[str]) -> str:
        """Return the first letters of the accounts of ids, in order."""
        return "".join(self._whose[one][0] for one in ids)


@pytest.fixture
def customers(admission: Admission, ready: Ready) -> Customers:
    return Customers(admission, ready)


async def test_a_message_of_a_quiet_account_is_among_the_next_however_much_waits_of_a_noisy_one(
    customers: Customers,
) -> None:
    await customers.send_batch("noisy", 450)
    customers.taken(200)
    await customers.send("quiet")
    assert "q" in customers.taken(3)


async def test_three_users_with_100_and_1_and_1_messages_are_all_served_in_the_first_round(
    customers: Customers,
) -> None:
    await customers.send_batch("one", 100)
    await customers.send("two")
    await customers.send("xyz")
    assert sorted(customers.taken(3)) == ["o", "t", "x"]
    assert customers.taken(200) == "o" * 99


async def test_each_round_takes_one_message_of_each_account(customers: Customers) -> None:
    await customers.send_batch("a", 5)
    await customers.send_batch("b", 3)
    await customers.send_batch("c", 1)
    rounds = [sorted(customers.taken(3)), sorted(customers.taken(2)), sorted(customers.taken(2))]
    assert rounds == [["a", "b", "c"], ["a", "b"], ["a", "b"]]
    assert customers.taken(9) == "aa"


async def test_within_an_account_first_come_is_first_served(customers: Customers, ready: Ready) -> None:
    ids = await customers.send("a", 5)
    await customers.send("b", 5)
    await customers.send("c", 2)
    popped = [*ready.pop(Queue.SUBMIT, 4).ids, *ready.pop(Queue.SUBMIT, 9).ids]
    assert [one for one in popped if one in ids] == ids


async def test_who_comes_late_has_no_claim_to_rounds_that_are_over(customers: Customers) -> None:
    await customers.send_batch("a", 20)
    customers.taken(10)
    await customers.send_batch("b", 10)
    assert customers.taken(10).count("a") in (4, 5, 6), "half each, not ten of b"


async def test_who_has_been_served_much_is_not_punished_for_it_once_nothing_waits(
    customers: Customers, client: Any
) -> None:
    await customers.send_batch("a", 20)
    customers.taken(20)
    assert not client.exists(keys.rounds(Queue.SUBMIT))
    await customers.send_batch("b", 10)
    await customers.send_batch("a", 10)
    assert customers.taken(10).count("a") == 5


async def test_bulk_waits_until_nothing_normal_does(customers: Customers) -> None:
    await customers.send("bulky", 5, priority=Priority.BULK)
    customers.taken(2)
    await customers.send("normal", 3)
    assert customers.taken(4) == "nnnb"
    await customers.send("normal", 2)
    assert customers.taken(9) == "nnbb"


async def test_bulk_of_several_accounts_takes_turns_too(customers: Customers) -> None:
    await customers.send("a", 6, priority=Priority.BULK)
    await customers.send("b", 1)
    customers.taken(2)
    await customers.send("c", 1, priority=Priority.BULK)
    assert "c" in customers.taken(3)


async def test_urgent_messages_take_turns_among_themselves(customers: Customers) -> None:
    await customers.send("a", 6, priority=Priority.HIGH)
    await customers.send("b", priority=Priority.HIGH)
    assert "b" in customers.taken(2, Queue.SUBMIT_HIGH)


async def test_what_sql_holds_and_what_is_new_share_a_take(customers: Customers, ready: Ready) -> None:
    new = await customers.send("a", 10)
    ready.push(Queue.SUBMIT, [f"old{n}" for n in range(10)])
    popped = ready.pop(Queue.SUBMIT, 6).ids
    assert popped == ("old0", "old1", "old2", *new[:3])
    popped = ready.pop(Queue.SUBMIT, 12).ids
    assert popped == (*(f"old{n}" for n in range(3, 9)), *new[3:9])
    assert ready.pop(Queue.SUBMIT, 9).ids == ("old9", new[9])


async def test_what_was_put_back_is_next(customers: Customers, client: Any) -> None:
    await customers.send("lost")
    ready = Ready(client, rings=3, put_back_s=0)
    (lost,) = ready.pop(Queue.SUBMIT, 1).ids
    await customers.send("a", 5)
    Schedule(client, rings=3).put_back(Queue.SUBMIT)
    assert ready.pop(Queue.SUBMIT, 1).ids == (lost,)


@pytest.mark.parametrize("lost", [keys.rounds, keys.fresh])
async def test_a_key_that_was_deleted_costs_no_message(
    lost: Callable[[Queue], str], customers: Customers, client: Any
) -> None:
    await customers.send_batch("a", 450)
    taken = customers.taken(50)
    client.delete(lost(Queue.SUBMIT))
    await customers.send("b", 3)
    Schedule(client, rings=3).put_back(Queue.SUBMIT)
    while more := customers.taken(200):
        taken += more
    assert (taken.count("a"), taken.count("b")) == (450, 3)


async def test_part_of_what_waits_may_vanish_and_comes_back(customers: Customers, client: Any) -> None:
    ids = await customers.send("a", 9)
    client.zrem(keys.fresh(Queue.SUBMIT), *ids[2:5])
    schedule = Schedule(client, rings=3)
    assert schedule.put_back(Queue.SUBMIT) == 3
    assert schedule.put_back(Queue.SUBMIT) == 0
    assert customers.taken(20) == "a" * 9


@hypothesis_settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    steps=st.lists(
        st.one_of(st.tuples(st.sampled_from("abc"), st.integers(1, 9)), st.integers(1, 9)), max_size=25
    )
)
async def test_whatever_comes_and_goes_no_account_is_ahead_of_another_that_waits(
    steps: list[Any], customers: Customers, client: Any
) -> None:
    """Between two moments of which both accounts have something waiting, they are served alike, give or take two."""
    client.flushdb()
    waiting = dict.fromkeys("abc", 0)
    since = dict.fromkeys(("ab", "ac", "bc"), 0)
    for step in steps:
        if isinstance(step, tuple):
            account, count = step
            await customers.send(account, count)
            waiting[account] += count
            continue
        for account in (customers.taken(1) for _ in range(step)):
            if not account:
                break
            waiting[account] -= 1
            for pair in since:
                if account in pair:
                    since[pair] += 1 if account == pair[0] else -1
                if not all(waiting[one] for one in pair):
                    since[pair] = 0
                assert -2 <= since[pair] <= 2
