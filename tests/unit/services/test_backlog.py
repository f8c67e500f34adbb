"""How waiting ids are worked on."""

from broker.keyspace.ready import Popped
from broker.services.backlog import ALONE_AFTER, batches


def test_an_id_that_was_put_back_too_often_is_taken_alone() -> None:
    pops = {"a": 1, "b": ALONE_AFTER + 1, "c": ALONE_AFTER, "d": 9}
    popped = Popped(ids=("a", "b", "c", "d", "a"), pops=pops, now_ms=0)

    assert batches(popped) == [["a", "c"], ["b"], ["d"]]


def test_nothing_popped_is_no_batch() -> None:
    assert batches(Popped(ids=(), pops={}, now_ms=0)) == []
