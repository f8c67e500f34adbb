"""A worker does little for a crowd at a time while others wait beside it, and forgets nobody whom it refused."""

import sys
from collections.abc import Iterator

import pytest

from broker.hands import CROWD, FREE, LONGEST_REST_S, QUICK_SWITCH_S, REST, USUAL_SWITCH_S, Hand, Hands
from broker.keyspace.ready import Popped, Share

THREADS = 4


def popped(share: Share, *ids: str) -> Popped:
    return Popped(ids=ids, tries=dict.fromkeys(ids, 1), now_ms=0, share=share)


class Worker:
    """Hands, and how often one was asked for again."""

    def __init__(self) -> None:
        self.now = 100.0
        self.pauses: list[float] = []
        self._hands = Hands(THREADS, clock=lambda: self.now, pause=self.pauses.append)
        self.rings = 0

    def hand(self) -> Hand:
        """Let a take begin."""
        return self._hands.hand(self._ring)

    def crowd(self) -> Hand:
        """Let a take begin that gets something of a crowd."""
        hand = self.hand()
        hand.took(popped(Share.CROWD, "a"))
        return hand

    def _ring(self) -> None:
        self.rings += 1


@pytest.fixture
def worker() -> Iterator[Worker]:
    before = sys.getswitchinterval()
    yield Worker()
    sys.setswitchinterval(before)


def test_one_take_at_a_time_may_work_for_a_crowd(worker: Worker) -> None:
    one = worker.crowd()
    assert worker.hand().crowd == 0
    one.sent()
    assert worker.hand().crowd == CROWD


def test_some_threads_never_wait_for_a_crowds_carrier(worker: Worker) -> None:
    waiting = []
    for _ in range(THREADS - FREE):
        waiting.append(worker.crowd())
        waiting[-1].sent()
    assert worker.hand().crowd == 0
    with waiting[0]:
        pass
    assert worker.hand().crowd == CROWD


def test_a_take_of_anything_else_leaves_the_crowd_to_the_next(worker: Worker) -> None:
    for share in (Share.ALL, Share.COMPANY):
        worker.hand().took(popped(share, "a"))
        assert worker.hand().crowd == CROWD, share
        worker = Worker()


def test_a_take_that_breaks_leaves_the_crowd_to_the_next(worker: Worker) -> None:
    with pytest.raises(OSError, match="away"), worker.hand():
        raise OSError("away")
    assert worker.hand().crowd == CROWD


class Line:
    """What waits: ids of company, and a crowd without end."""

    def __init__(self, *company: str) -> None:
        self.company = list(company)
        self.asked: list[int] = []

    def pop(self, *, crowd: int, alone: bool) -> Popped:
        """Pop as the script does."""
        self.asked.append(crowd)
        if self.company and (alone or not crowd):
            return popped(Share.COMPANY, self.company.pop())
        return popped(Share.CROWD, *(["many"] if crowd else []))


def test_a_crowd_rests_after_a_take_for_longer_than_that_worked(worker: Worker) -> None:
    one, line = worker.crowd(), Line()
    worker.now += 0.01
    one.sent()
    assert worker.hand().pop(line.pop).ids == ("many",)
    assert worker.pauses == [pytest.approx(REST * 0.01)]
    assert line.asked == [0, CROWD], "company is asked for before the rest"
    assert worker.hand().pop(line.pop).ids == ()
    assert len(worker.pauses) == 1, "others go on while it rests"


def test_company_waits_for_no_rest(worker: Worker) -> None:
    one, line = worker.crowd(), Line("b")
    worker.now += 0.01
    one.sent()
    hand = worker.hand()
    assert hand.pop(line.pop).ids == ("b",)
    assert hand.first
    assert worker.pauses == []
    worker.now += 1
    assert worker.hand().pop(line.pop).ids == ("many",)
    assert worker.pauses == [], "it has rested"


def test_a_crowd_rests_no_longer_than_a_moment_and_not_at_all_without_company(worker: Worker) -> None:
    one = worker.crowd()
    worker.now += 60
    one.sent()
    alone = worker.hand()
    alone.pop(Line().pop)
    assert worker.pauses == [pytest.approx(LONGEST_REST_S)]
    alone.took(popped(Share.ALL, "b"))
    worker.hand().pop(Line().pop)
    assert len(worker.pauses) == 1


def test_who_was_refused_is_rung_for_once_when_the_crowds_take_has_been_sent(worker: Worker) -> None:
    one = worker.crowd()
    with worker.hand() as other:
        other.took(popped(Share.CROWD))
    assert worker.rings == 0
    one.sent()
    assert worker.rings == 1
    one.sent()
    assert worker.rings == 1


def test_who_was_refused_just_when_the_crowds_take_was_over_is_rung_for_at_once(worker: Worker) -> None:
    one, other = worker.crowd(), worker.hand()
    one.sent()
    other.took(popped(Share.CROWD))
    assert worker.rings == 1


def test_company_is_not_taken_without_the_crowd_twice_running(worker: Worker) -> None:
    one = worker.hand()
    assert one.alone
    one.took(popped(Share.COMPANY, "a"))
    assert one.first
    other = worker.hand()
    assert not other.alone
    other.took(popped(Share.CROWD, "a"))
    assert not other.first
    assert worker.hand().alone


def test_threads_change_quickly_while_a_crowd_has_company_and_only_then(worker: Worker) -> None:
    worker.crowd().sent()
    assert sys.getswitchinterval() == pytest.approx(QUICK_SWITCH_S)
    worker.hand().took(popped(Share.ALL, "a"))
    assert sys.getswitchinterval() == pytest.approx(USUAL_SWITCH_S)
