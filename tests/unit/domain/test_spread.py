"""Times counted by steps."""

import pytest

from broker.domain.spread import added, percentiles, spread


def test_of_no_times_there_are_no_percentiles() -> None:
    assert percentiles({}, [0.5]) is None


@pytest.mark.parametrize("shift", [1, 7, 60])
def test_percentiles_are_those_of_the_times_within_a_twentieth(shift: int) -> None:
    times = [shift * one for one in range(20, 2020)]
    found = percentiles(added([spread(times[:500]), spread(times[500:])]), [0.5, 0.95, 0.99])
    assert found == pytest.approx([shift * one / 1000 for one in (1019, 1919, 1999)], rel=0.05)


def test_very_short_times_are_one_step() -> None:
    assert spread([0, 3, 10]) == {0: 3}
    assert percentiles({0: 3}, [0.5]) == [0.005]
