"""What falls due takes turns: however much of one sender is due, another's message is among the next."""

from typing import Any

import pytest

from broker.dispatch import Queue
from broker.domain.message import Priority
from broker.keyspace import keys
from broker.keyspace.flows import flow
from broker.keyspace.ready import Ready
from broker.keyspace.schedule import MOST_READY, Later, Schedule


class Due:
    """Lets messages of some senders fall due, and says whose the popped ids are."""

    def __init__(self, client: Any, ready: Ready) -> None:
        self.schedule = Schedule(client, rings=3)
        self._ready = ready
        self._now_ms = ready.now_ms()

    def falls(self, sender: str, count: int = 1, *, priority: Priority = Priority.NORMAL) -> None:
        """Enter messages of a sender that are due: all at one instant, a sender's in the order of their numbers."""
        turns = flow(sender, priority)
        self.schedule.add(
            Queue.SUBMIT,
            [Later(id=f"{sender}-{n:05}", flow=turns, due_at=self._now_ms) for n in range(count)],
        )

    def taken(self, most: int) -> str:
        """Move what is due, take ids and return the senders in order."""
        self.schedule.move_due(Queue.SUBMIT)
        return "".join(name[0] for name in self._ready.pop(Queue.SUBMIT, most).ids)


@pytest.fixture
def due(client: Any, ready: Ready) -> Due:
    return Due(client, ready)


def test_one_message_does_not_wait_behind_a_thousand_of_another_sender(due: Due) -> None:
    due.falls("a", 1000)
    due.falls("b")
    due.falls("c", 2)
    assert due.taken(8) == "abcacaaa"


def test_one_message_does_not_wait_behind_eight_thousand_of_another_sender_for_the_next_look(
    due: Due,
) -> None:
    due.falls("a", 7_999)
    due.falls("b")
    assert due.taken(8) == "abaaaaaa"


def test_what_takes_turns_and_is_entered_again_costs_its_sender_no_turn(due: Due, ready: Ready) -> None:
    ready.push(Queue.SUBMIT, ["full"] * MOST_READY)
    due.falls("a", 10)
    due.schedule.move_due(Queue.SUBMIT)
    due.falls("a", 11)  # ten of them by a sweep or a repeat
    due.falls("b", 12)
    assert due.taken(MOST_READY) == MOST_READY * "f"
    assert due.taken(23) == 11 * "ab" + "b"


def test_who_falls_due_later_goes_before_what_is_left_of_a_crowd(due: Due) -> None:
    due.falls("a", 1000)
    assert due.taken(200) == 200 * "a"
    due.falls("b", 2)
    assert due.taken(MOST_READY - 200) == (MOST_READY - 200) * "a", "these were ready before"
    assert due.taken(5).count("b") == 2


def test_all_of_it_comes_once_and_in_order(due: Due, ready: Ready, client: Any) -> None:
    due.falls("a", 1000)
    due.falls("b", 700)
    due.schedule.move_due(Queue.SUBMIT)
    due.falls("a", 1000)  # a sweep or a repeat entered them again
    taken: list[str] = []
    while ready.waiting(Queue.SUBMIT):
        due.schedule.move_due(Queue.SUBMIT)
        assert client.llen(keys.ready(Queue.SUBMIT)) <= MOST_READY
        taken += ready.pop(Queue.SUBMIT, 200).ids
    for sender, count in (("a", 1000), ("b", 700)):
        of_it = list(dict.fromkeys(name for name in taken if name[0] == sender))
        assert of_it == [f"{sender}-{n:05}" for n in range(count)]
    assert client.exists(keys.due(Queue.SUBMIT), keys.due_rounds(Queue.SUBMIT)) == 0


def test_bulk_that_is_due_waits_for_all_else_that_is(due: Due) -> None:
    due.falls("b", 3, priority=Priority.BULK)
    due.falls("x", 3)
    assert due.taken(6) == "xxxbbb"


def test_what_takes_turns_counts_as_waiting(due: Due, ready: Ready) -> None:
    due.falls("a", 1000)
    due.schedule.move_due(Queue.SUBMIT)
    assert ready.waiting(Queue.SUBMIT) == 1000
