"""How waiting ids are worked on."""

from collections.abc import Sequence

import pytest

from broker.keyspace.ready import Popped
from broker.services.backlog import ALONE_AFTER, work_on

POPPED = Popped(
    ids=("a", "b", "c", "d", "a"), pops={"a": 1, "b": ALONE_AFTER + 1, "c": ALONE_AFTER, "d": 9}, now_ms=0
)


def test_an_id_that_was_put_back_too_often_is_taken_alone() -> None:
    done: list[Sequence[str]] = []
    work_on(POPPED, done.append)
    assert done == [["a", "c"], ["b"], ["d"]]


def test_what_a_poisonous_id_raises_is_raised_after_the_others_had_their_turn() -> None:
    done: list[Sequence[str]] = []

    def work(ids: Sequence[str]) -> None:
        if ids == ["b"]:
            raise ValueError("poison")
        done.append(ids)

    with pytest.raises(ValueError, match="poison"):
        work_on(POPPED, work)
    assert done == [["a", "c"], ["d"]]


def test_nothing_popped_is_no_work() -> None:
    done: list[Sequence[str]] = []
    work_on(Popped(ids=(), pops={}, now_ms=0), done.append)
    assert done == []
