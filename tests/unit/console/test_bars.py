"""Bars over a list: what each says it counted."""

from datetime import timedelta

from broker.console.bars import bars
from broker.domain.status import Status
from broker.services.histogram import Histogram
from tests.factories import NOW


def test_the_first_bar_of_a_history_that_is_cut_says_at_least() -> None:
    minute = timedelta(minutes=1)
    heights = tuple((NOW + minute * place, {Status.DELIVERED: 2}) for place in range(3))
    for cut, told in ((True, [True, False, False]), (False, [False] * 3)):
        found = bars(Histogram(width=minute, bars=heights, cut=cut), lambda since, until: f"{since} {until}")
        assert [bar.at_least for bar in found] == told
