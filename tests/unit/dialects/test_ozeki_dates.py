"""Dates of Ozeki's clients."""

from datetime import UTC, datetime, timedelta

import pytest

from broker.dialects.ozeki.dates import FARTHEST, Times, read_times, write
from broker.errors import InvalidField, ValidityOver

NOW = datetime(2026, 1, 17, 13, 10, 25, tzinfo=UTC)


def times(send_at: object = None, valid_until: object = None) -> Times:
    return read_times(send_at, valid_until, now=NOW, names=("time_to_send", "valid_until"))


@pytest.mark.parametrize(
    ("text", "expected", "wall_clock"),
    [
        ("2026.07.26. 10:07:58", datetime(2026, 7, 26, 10, 7, 58, tzinfo=UTC), True),
        ("2026.07.26 10:07:58", datetime(2026, 7, 26, 10, 7, 58, tzinfo=UTC), True),
        ("2026-07-26 10:07:58", datetime(2026, 7, 26, 10, 7, 58, tzinfo=UTC), True),
        ("2026-07-26T10:07:58.123", datetime(2026, 7, 26, 10, 7, 58, tzinfo=UTC), True),
        ("2026-07-26T10:07:58Z", datetime(2026, 7, 26, 10, 7, 58, tzinfo=UTC), False),
        (" 2026-07-26 10:07:58+02:00 ", datetime(2026, 7, 26, 8, 7, 58, tzinfo=UTC), False),
        ("2026-07-26T10:07:58-0530", datetime(2026, 7, 26, 15, 37, 58, tzinfo=UTC), False),
    ],
)
def test_a_date_is_read(text: str, expected: datetime, wall_clock: bool) -> None:
    assert times(valid_until=text) == (None, expected, wall_clock)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "26.07.2026",
        "2026-02-30 10:00:00",
        "2026-07-26",
        "0001-01-01T00:00:00+14:00",
        5,
        [],
        "٢٠٢٦-07-26 10:07:58",
    ],
)
def test_what_is_no_date_is_named(text: object) -> None:
    with pytest.raises(InvalidField) as refusal:
        times(send_at=text)
    assert refusal.value.pointer == "/time_to_send"


def test_without_dates_there_are_none() -> None:
    assert times() == (None, None, False)


def test_a_validity_beyond_all_plans_is_cut() -> None:
    assert times(valid_until="9999-12-31 23:59:59").valid_until == NOW + FARTHEST


def test_a_start_beyond_all_plans_is_refused() -> None:
    with pytest.raises(InvalidField):
        times(send_at="9999-12-31 23:59:59")


def test_a_start_long_past_is_now() -> None:
    assert times(send_at="0001-01-01 00:00:00").send_at is None


def test_a_wall_clock_gets_the_benefit_of_the_zone() -> None:
    assert times(valid_until=write(NOW - timedelta(hours=11))).wall_clock
    with pytest.raises(ValidityOver):
        times(valid_until=write(NOW - timedelta(hours=12)))


def test_dates_are_written_with_a_blank() -> None:
    assert write(NOW) == "2026-01-17 13:10:25"
