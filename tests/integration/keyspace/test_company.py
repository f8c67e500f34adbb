"""Beside a crowd: who has nothing else waiting is taken without it, and the crowd in small takes."""

from typing import Any

import pytest

from broker.dispatch import Queue
from broker.keyspace import keys
from broker.keyspace.admission import Admission
from broker.keyspace.ready import Ready, Share
from tests.integration.keyspace.test_turns import Customers

MOST, CROWD = 20, 4


@pytest.fixture
def customers(admission: Admission, ready: Ready) -> Customers:
    return Customers(admission, ready)


class Take:
    """Takes of one worker."""

    def __init__(self, ready: Ready, customers: Customers) -> None:
        self._ready = ready
        self._customers = customers

    def __call__(self, *, crowd: int = CROWD, alone: bool = True) -> tuple[Share, str]:
        """Take, and return whose it is, and the first letters of the accounts, in order."""
        popped = self._ready.pop(Queue.SUBMIT, MOST, crowd=crowd, alone=alone)
        return popped.share, self._customers.initials(popped.ids)


@pytest.fixture
def take(ready: Ready, customers: Customers) -> Take:
    return Take(ready, customers)


@pytest.fixture
async def beside(customers: Customers, take: Take) -> None:
    """A crowd of which some were taken, and one message of another account."""
    await customers.send_batch("noisy", 100)
    assert take() == (Share.ALL, "n" * MOST)
    await customers.send("quiet")


def test_company_is_taken_without_the_crowd(beside: None, take: Take) -> None:
    assert take() == (Share.COMPANY, "q")


def test_while_it_has_company_a_crowd_is_taken_in_small_parts(beside: None, take: Take) -> None:
    take()
    assert take() == (Share.CROWD, "n" * CROWD)


def test_who_may_not_take_of_the_crowd_takes_of_its_company_only_and_rings_for_nobody(
    beside: None, take: Take, client: Any
) -> None:
    assert take(crowd=0, alone=False) == (Share.COMPANY, "q")
    client.delete(Queue.SUBMIT)
    assert take(crowd=0) == (Share.CROWD, "")
    assert client.llen(Queue.SUBMIT) == 0
    take()
    assert client.llen(Queue.SUBMIT) == 1, "whoever takes of it does"


async def test_steady_company_does_not_keep_the_crowd_from_its_share(
    beside: None, customers: Customers, take: Take
) -> None:
    share, taken = take(alone=False)
    assert (share, sorted(taken)) == (Share.CROWD, ["n"] * CROWD + ["q"])


def test_a_crowd_has_no_company_any_more_when_it_has_been_silent(
    beside: None, take: Take, client: Any
) -> None:
    take()
    client.hset(keys.rounds(Queue.SUBMIT), "company", 1)
    assert take() == (Share.ALL, "n" * MOST)


async def test_two_crowds_are_no_company_of_each_other(customers: Customers, take: Take) -> None:
    await customers.send_batch("a", 60)
    await customers.send_batch("b", 60)
    await customers.send("c")  # and so each take ends amid a round
    takes = [take() for _ in range(5)]
    assert {share for share, _ in takes} == {Share.ALL}
    assert {len(taken) for _, taken in takes} == {MOST}


async def test_where_a_take_holds_all_that_waits_it_is_taken_together(
    customers: Customers, take: Take
) -> None:
    await customers.send_batch("a", MOST + 5)
    take()
    await customers.send("b")
    share, taken = take()
    assert (share, sorted(taken)) == (Share.ALL, ["a"] * 5 + ["b"])


async def test_what_sql_holds_is_a_crowd_too(customers: Customers, take: Take, ready: Ready) -> None:
    ready.push(Queue.SUBMIT, [f"old{n}" for n in range(100)])
    await customers.send_batch("a", 3)
    ready.pop(Queue.SUBMIT, 2)
    await customers.send("b")
    assert take() == (Share.COMPANY, "b")
