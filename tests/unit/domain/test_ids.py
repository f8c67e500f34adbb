"""Numbers for requests of older APIs."""

from broker.domain.ids import new_number


def test_a_number_holds_its_millisecond_above_21_bits_of_chance() -> None:
    numbers = {new_number(1_767_000_000_000) for _ in range(200)}
    assert {number >> 21 for number in numbers} == {1_767_000_000_000}
    assert len(numbers) > 190


def test_a_number_fits_into_63_bits_for_as_long_as_42_bits_count_milliseconds() -> None:
    assert 0 < new_number() < 1 << 62
    assert new_number((1 << 42) - 1) < 1 << 63
