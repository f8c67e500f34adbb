"""Waits grow within bounds."""

from hypothesis import given
from hypothesis import strategies as st

from broker.domain.backoff import next_delay_s


def test_the_longest_throw_doubles_with_every_attempt() -> None:
    longest = [round(next_delay_s(attempt, 5, 900, lambda: 1.0), 3) for attempt in range(1, 11)]
    assert longest == [5, 10, 20, 40, 80, 160, 320, 640, 900, 900]


def test_the_shortest_throw_still_waits() -> None:
    assert {next_delay_s(attempt, 5, 900, lambda: 0.0) for attempt in range(1, 40)} == {2.5}


@given(
    attempt=st.integers(min_value=-5, max_value=10**9),
    first=st.floats(min_value=0.001, max_value=1e4),
    longest=st.floats(min_value=0.001, max_value=1e6),
    dice=st.floats(min_value=0, max_value=1, exclude_max=True),
)
def test_a_wait_stays_within_its_bounds(attempt: int, first: float, longest: float, dice: float) -> None:
    delay = next_delay_s(attempt, first, longest, lambda: dice)
    assert min(first / 2, longest) <= delay <= longest
